//! Real clients, directly and through a real nginx.
