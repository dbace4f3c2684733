//! Who shows tokens that do not hold, by address. Beyond its allowance an address may use only tokens that are known to
//! be good: nothing new of it is looked at, while those who share it and are here already notice nothing.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use dashmap::DashMap;
use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::{DefaultKeyedRateLimiter, Quota};
use rocket::Request;

use crate::client_ip::{ClientIp, holder};
use crate::error::{Code, Error, Result};

/// Absent where there is no limit.
pub struct RefusedTokens(Option<Allowance>);

struct Allowance {
    rate: DefaultKeyedRateLimiter<IpAddr, StateInformationMiddleware>,
    /// Who has nothing left, and until when. A look at the rate itself would take of it.
    spent: DashMap<IpAddr, Instant>,
}

impl RefusedTokens {
    pub fn new(per_minute: u32) -> Self {
        let rate = NonZeroU32::new(per_minute).map(Quota::per_minute);
        Self(rate.map(|quota| Allowance {
            rate: DefaultKeyedRateLimiter::keyed(quota).with_middleware(),
            spent: DashMap::new(),
        }))
    }

    /// To be asked before anything that costs is done with a token that is not known.
    pub fn check(&self, request: &Request<'_>) -> Result<()> {
        let Some((allowance, address)) = self.of(request) else {
            return Ok(());
        };
        let until = allowance.spent.get(&address).map(|until| *until);
        let wait = until.and_then(|until| until.checked_duration_since(Instant::now()));
        match wait.filter(|wait| !wait.is_zero()) {
            Some(wait) => Err(Error::later(Code::TooManyRefusedTokens, wait)),
            None => Ok(()),
        }
    }

    /// Notes what became of it. One that has expired was right once, and is no guess: in the morning all pages of a
    /// company wake with one.
    pub fn note<T>(&self, request: &Request<'_>, result: Result<T>) -> Result<T> {
        if let Err(error) = &result
            && matches!(error.code, Code::TokenInvalid | Code::TicketInvalid)
            && let Some((allowance, address)) = self.of(request)
        {
            allowance.take(address);
        }
        result
    }

    /// Forgets who has all of it again.
    pub fn forget(&self) {
        if let Some(allowance) = &self.0 {
            allowance.rate.retain_recent();
            let now = Instant::now();
            allowance.spent.retain(|_, until| *until > now);
        }
    }

    fn of(&self, request: &Request<'_>) -> Option<(&Allowance, IpAddr)> {
        let allowance = self.0.as_ref()?;
        let client = ClientIp::of(request);
        // One visitor could use up what is everybody's.
        let address = client.address.filter(|_| !client.is_of_many)?;
        Some((allowance, holder(address)))
    }
}

impl Allowance {
    fn take(&self, address: IpAddr) {
        let wait: Duration = match self.rate.check_key(&address) {
            Ok(left) if left.remaining_burst_capacity() > 0 => return,
            Ok(left) => left.quota().replenish_interval(),
            Err(refused) => refused.wait_time_from(DefaultClock::default().now()),
        };
        self.spent.insert(address, Instant::now() + wait);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_has_all_of_it_again_is_forgotten() {
        // A millisecond each.
        let refused = RefusedTokens::new(60_000);
        let allowance = refused.0.as_ref().expect("a limit");
        let address = |n: u32| IpAddr::V4(n.into());
        for n in 0..1000 {
            allowance.take(address(n));
        }
        assert_eq!(allowance.rate.len(), 1000);
        let spent = address(0);
        allowance.spent.insert(spent, Instant::now());
        let began = Instant::now();
        while !allowance.rate.is_empty() || !allowance.spent.is_empty() {
            assert!(began.elapsed() < Duration::from_secs(60));
            refused.forget();
        }
    }

    #[test]
    fn what_is_spent_is_seen_before_one_more_is_tried() {
        let refused = RefusedTokens::new(3);
        let allowance = refused.0.as_ref().expect("a limit");
        let address = IpAddr::V4(1.into());
        for n in 1..=3 {
            assert!(!allowance.spent.contains_key(&address), "before {n}");
            allowance.take(address);
        }
        let until = *allowance.spent.get(&address).expect("spent");
        let wait = until.duration_since(Instant::now());
        assert!(
            wait > Duration::from_secs(1) && wait <= Duration::from_secs(20),
            "{wait:?}"
        );
    }
}
