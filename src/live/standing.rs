//! A user's standing in one conversation: when it was a member, and what it has not read.

use crate::model::Position;
use crate::store::unread::Interval;

/// Intervals of membership and unread messages of one user in one conversation.
#[derive(Debug, Default)]
pub(super) struct Standing {
    /// `[joined, left]`, both included: the join and the leaving are the first and the last a member sees.
    intervals: Vec<(Position, Option<Position>)>,
    read_up_to: i64,
    unread: Ranges,
    /// Newest event of the conversation that the user may see.
    pub(super) last_position: Position,
    /// Position of the creation or the newest message; 0 while deleted for oneself.
    pub(super) activity_position: Position,
    /// Of two people: there it is told what has arrived.
    pub(super) is_private: bool,
}

impl Standing {
    /// Adds what was loaded; a user who left and rejoined has several intervals.
    pub(super) fn add(&mut self, interval: &Interval) {
        self.intervals.push((interval.joined, interval.left));
        #[cfg(feature = "planted-faults")]
        if crate::faults::is_planted(crate::faults::Fault::RejoiningReopens)
            && self.intervals.len() > 1
        {
            self.intervals.iter_mut().for_each(|(_, left)| *left = None);
        }
        self.is_private = interval.is_private;
        self.last_position = self.last_position.max(interval.last_position);
        self.activity_position = self.activity_position.max(interval.activity_position);
        if interval.left.is_none() {
            self.read_up_to = interval.read_up_to;
            self.unread = Ranges(interval.unread.clone());
        }
    }

    /// Joins at a position, with everything up to `read_up_to` behind. Loaded before, it stays as it is.
    pub(super) fn join(&mut self, position: Position, read_up_to: i64, activity: Position) {
        if !self.intervals.iter().any(|(joined, _)| *joined == position) {
            self.intervals.push((position, None));
            self.read_up_to = read_up_to;
            self.unread = Ranges::default();
            self.activity_position = self.activity_position.max(activity);
        }
    }

    /// Leaves at a position, which is the last one seen. An interval that began later stays open.
    pub(super) fn leave(&mut self, position: Position) {
        for (joined, left) in &mut self.intervals {
            if left.is_none() && *joined <= position {
                *left = Some(position);
            }
        }
        if !self.is_member() {
            self.unread = Ranges::default();
        }
    }

    /// A message was deleted.
    pub(super) fn take_back(&mut self, seq: i64) {
        self.unread.remove(seq);
    }

    /// Who said this was erased.
    pub(super) fn take_back_all(&mut self, ranges: &[(i64, i64)]) {
        ranges.iter().for_each(|range| self.unread.cut(*range));
    }

    /// Whether an event at this position is seen.
    pub(super) fn holds(&self, position: Position) -> bool {
        self.intervals
            .iter()
            .any(|(joined, left)| *joined <= position && left.is_none_or(|left| position <= left))
    }

    /// Whether anything after this position is seen: now, or in a stretch that is known before the tail comes to it.
    pub(super) fn goes_on(&self, position: Position) -> bool {
        let mut ends = self.intervals.iter().map(|(_, left)| left);
        ends.any(|left| left.is_none_or(|left| left > position))
    }

    pub(super) fn is_member(&self) -> bool {
        self.intervals.iter().any(|(_, left)| left.is_none())
    }

    pub(super) fn unread(&self) -> i64 {
        self.unread.len()
    }

    /// A message of somebody else came.
    pub(super) fn receive(&mut self, seq: i64) {
        if seq > self.read_up_to {
            self.unread.add(seq);
        }
    }

    /// Everything up to `seq` is read, or deleted for oneself.
    pub(super) fn read(&mut self, seq: i64) {
        if seq > self.read_up_to {
            self.read_up_to = seq;
            self.unread.drop_up_to(seq);
        }
    }
}

/// A set of `seq`s as ranges, ends included, in order: others' messages come in long runs.
#[derive(Debug, Default)]
struct Ranges(Vec<(i64, i64)>);

impl Ranges {
    /// Adds a `seq` above all that are there. One that is there already changes nothing.
    fn add(&mut self, seq: i64) {
        match self.0.last_mut() {
            Some((_, high)) if *high >= seq => {}
            Some((_, high)) if *high + 1 == seq => *high = seq,
            _ => self.0.push((seq, seq)),
        }
    }

    fn drop_up_to(&mut self, seq: i64) {
        self.0.retain(|(_, high)| *high > seq);
        if let Some((low, _)) = self.0.first_mut() {
            *low = (*low).max(seq + 1);
        }
    }

    /// Takes out a range, ends included.
    fn cut(&mut self, (from, to): (i64, i64)) {
        let outside = |(low, high): (i64, i64)| {
            let sides = [(low, high.min(from - 1)), (low.max(to + 1), high)];
            sides.into_iter().filter(|(low, high)| low <= high)
        };
        self.0 = self.0.drain(..).flat_map(outside).collect();
    }

    fn remove(&mut self, seq: i64) {
        let of = self
            .0
            .iter()
            .position(|(low, high)| (*low..=*high).contains(&seq));
        let Some(at) = of else { return };
        let (low, high) = self.0.remove(at);
        if seq < high {
            self.0.insert(at, (seq + 1, high));
        }
        if low < seq {
            self.0.insert(at, (low, seq - 1));
        }
    }

    fn len(&self) -> i64 {
        self.0.iter().map(|(low, high)| high - low + 1).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unread_is_what_came_after_the_horizon() {
        let mut standing = Standing {
            read_up_to: 3,
            ..Standing::default()
        };
        for seq in [2, 4, 5, 8, 8] {
            standing.receive(seq);
        }
        assert_eq!((standing.unread(), standing.unread.0.len()), (3, 2));
        standing.read(4);
        assert_eq!(standing.unread(), 2);
        standing.read(2);
        assert_eq!(standing.unread(), 2, "the horizon only moves forward");
        standing.read(8);
        assert_eq!(standing.unread(), 0);
    }

    #[test]
    fn both_ends_of_an_interval_are_seen_and_a_rejoin_opens_another() {
        let mut standing = Standing {
            intervals: vec![(5, Some(9))],
            ..Standing::default()
        };
        assert_eq!(
            (4..=10).filter(|p| standing.holds(*p)).collect::<Vec<_>>(),
            [5, 6, 7, 8, 9]
        );
        standing.join(12, 3, 11);
        standing.join(12, 9, 0);
        assert!(standing.is_member() && standing.holds(13) && !standing.holds(10));
        assert_eq!(standing.intervals.len(), 2);
        assert_eq!((standing.read_up_to, standing.activity_position), (3, 11));
        standing.receive(4);
        standing.leave(10);
        assert!(standing.is_member(), "it left before it came back");
        standing.leave(14);
        assert!(!standing.is_member() && standing.holds(14) && !standing.holds(15));
        assert_eq!(standing.unread(), 0);
        assert!(standing.goes_on(13) && !standing.goes_on(14));
    }

    #[test]
    fn what_was_deleted_is_unread_no_more() {
        let mut standing = Standing::default();
        (1..=5).for_each(|seq| standing.receive(seq));
        for (seq, left) in [(3, 4), (3, 4), (1, 3), (5, 2), (9, 2), (2, 1), (4, 0)] {
            standing.take_back(seq);
            assert_eq!(standing.unread(), left, "after {seq}");
        }
        standing.receive(6);
        assert_eq!(standing.unread(), 1);
    }

    #[test]
    fn what_an_erased_person_said_is_unread_no_more() {
        let mut standing = Standing::default();
        for seq in [1, 2, 3, 4, 7, 8, 9, 12] {
            standing.receive(seq);
        }
        for (ranges, left) in [
            (&[(2, 3)][..], 6),
            (&[(2, 3)], 6),
            (&[(5, 6), (9, 20)], 4),
            (&[(8, 8), (1, 1)], 2),
            (&[(0, 99)], 0),
        ] {
            standing.take_back_all(ranges);
            assert_eq!(standing.unread(), left, "after {ranges:?}");
        }
    }
}
