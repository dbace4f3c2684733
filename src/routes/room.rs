//! The seats of the diagnostics: whoever asks needs no token, so there are few, and each address has its share.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use crate::client_ip::{ClientIp, holder};
use crate::error::{Code, Error, Result};

/// Of this instance.
const ALL: usize = 16;
/// Of one address: one doctor takes three.
const SHARE: usize = 4;

/// Who sits there.
#[derive(Default)]
pub struct Room(Arc<Mutex<Vec<IpAddr>>>);

/// One seat, free again when it is dropped.
pub struct Seat {
    room: Arc<Mutex<Vec<IpAddr>>>,
    address: IpAddr,
}

impl Room {
    /// For a client; all on a local socket are one.
    pub fn take(&self, client: ClientIp) -> Result<Seat> {
        let nobody = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
        let address = holder(client.address.unwrap_or(nobody));
        let mut seats = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let held = seats.iter().filter(|held| **held == address).count();
        if seats.len() >= ALL || held >= SHARE {
            let cause = format!("{} seats are taken, {held} by {address}", seats.len());
            return Err(Error::from(Code::DiagnosticsFull).because(cause));
        }
        seats.push(address);
        Ok(Seat {
            room: self.0.clone(),
            address,
        })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut seats = self.room.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = seats.iter().position(|held| *held == self.address) {
            seats.swap_remove(at);
        }
    }
}
