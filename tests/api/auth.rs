//! Who may ask: header, cookie, ticket.
