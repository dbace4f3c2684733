//! The history checker must catch each planted fault, seed after seed.
