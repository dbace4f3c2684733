//! Whoever is removed, leaves, or is in a conversation that is deleted, while others write: whichever comes first in the
//! log, nothing after their last event reaches them, and whoever comes back gets the new stretch only.

mod edited;
mod follower;
mod lagging;
mod lane;

use std::time::Instant;

use causerie::model::Cursor;
use reqwest::Method;
use serde_json::json;
use tokio::task::JoinSet;

use crate::support::App;
use crate::support::workload::seeds;
use follower::Told;
use lane::{Lane, Leads, Said};

/// Groups in which it happens at once.
const LANES: usize = 25;

/// How it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Removed,
    Left,
    Deleted,
}

/// Of each of the two who said something: in how many rounds it came before the end.
#[derive(Debug, Default)]
struct Tally {
    rounds: usize,
    before: [usize; 2],
}

impl Tally {
    fn add(&mut self, was_before: [bool; 2]) {
        self.rounds += 1;
        for (count, was_before) in self.before.iter_mut().zip(was_before) {
            *count += usize::from(was_before);
        }
    }

    /// Each order in a fifth of the rounds or more.
    fn has_both_orders(&self) {
        for before in self.before {
            let rarer = before.min(self.rounds - before);
            assert!(rarer * 5 >= self.rounds, "{self:?}");
        }
    }
}

/// A message's place is what its answer says, and a refusal is that of a place one does not know.
fn said_before(said: &Said, told: &[Told], end: i64) -> bool {
    let place = told
        .iter()
        .find(|told| told.is("message.created", &said.key));
    match said.answer.status {
        201 => assert!(
            place.is_some_and(|told| told.position < end),
            "{} was taken, and is not below {end}: {told:?}",
            said.key
        ),
        404 => assert_eq!(place, None, "{} was refused", said.key),
        _ => panic!("{}", said.answer.text),
    }
    said.answer.status == 201
}

/// One leaves or is removed while both write. Gives where it left, and what the two said, once every transport was told.
async fn leave(lane: &mut Lane, end: End, joined: i64, n: usize) -> (i64, [Said; 2]) {
    let (admin, mover) = (lane.admin.clone(), lane.mover.clone());
    let (by, path) = match end {
        End::Removed => (&admin, format!("/members/{}", mover.id)),
        End::Left | End::Deleted => (&mover, "/members/me".to_owned()),
    };
    let (left, said) = lane.race(by, &path, &n.to_string()).await;
    assert_eq!(left.status, 204, "{}", left.text);
    let talk = &said[0].answer;
    assert_eq!(talk.status, 201, "who stays may write: {}", talk.text);
    let is_it = |told: &Told| told.is("member.left", &mover.id);
    let left = lane.control.wait("the leaving", joined, is_it).await;
    for follower in &lane.followers {
        let is_it = |told: &Told| told.position == left;
        follower.wait("its own leaving", joined, is_it).await;
    }
    lane.is_nowhere(&mover).await;
    (left, said)
}

/// Whoever left is added again. Gives where the new stretch begins, and its second event: a notice.
async fn come_back(lane: &mut Lane, left: i64) -> (i64, i64) {
    let (admin, mover) = (lane.admin.clone(), lane.mover.clone());
    let body = json!({ "memberIds": [mover.id] });
    let added = lane.ask(&admin, Method::POST, "/members", Some(&body));
    added.await.ok();
    let is_it = |told: &Told| told.is("member.joined", &mover.id);
    let joined = lane.control.wait("the return", left, is_it).await;
    let is_it = |told: &Told| told.about.is_none();
    let notice = lane.control.wait("the notice", joined, is_it).await;
    (joined, notice)
}

/// One leaves or is removed while both write, and comes back. `joined` is where this stretch began. Gives where the next
/// one begins, and what came before the end.
async fn round(lane: &mut Lane, end: End, joined: i64, n: usize) -> (i64, [bool; 2]) {
    let (talker, group) = (lane.talker.clone(), lane.group.clone());
    let since = lane.followers[n % 3].cursor();
    let (left, [talk, own]) = leave(lane, end, joined, n).await;
    let between = format!("{}-between-{n}", talker.id);
    assert_eq!(lane.say(&talker, &between).await.status, 201);
    let (rejoined, last) = come_back(lane, left).await;
    let mut expected = lane.control.told(&group, joined);
    let of_all = |key: &str| expected.iter().find(|told| told.is("message.created", key));
    let talked = of_all(&talk.key).expect("whoever stays is told everything");
    let was_before = [talked.position < left, said_before(&own, &expected, left)];
    assert!(of_all(&between).is_some_and(|told| (left..rejoined).contains(&told.position)));
    expected.retain(|told| told.position <= left || (rejoined..=last).contains(&told.position));
    for follower in &lane.followers {
        let is_it = |told: &Told| told.position == last;
        follower.wait("the new stretch", rejoined, is_it).await;
        assert_eq!(follower.told(&group, joined), expected, "{}", follower.name);
    }
    let from: Cursor = since.parse().expect("a cursor");
    expected.retain(|told| told.position > from.position);
    lane.tells_again(&since, &expected).await;
    (rejoined, was_before)
}

/// A new group is deleted while both write in it. Gives what came before the end.
async fn deletion(lane: &mut Lane, n: usize) -> [bool; 2] {
    let began = lane.make_group().await;
    let (admin, group) = (lane.admin.clone(), lane.group.clone());
    let since = lane.followers[n % 3].cursor();
    let (deleted, said) = lane.race(&admin, "", &format!("d{n}")).await;
    assert_eq!(deleted.status, 204, "{}", deleted.text);
    let is_end = |told: &Told| told.kind == "conversation.deleted";
    let end = lane.control.wait("the end", began, is_end).await;
    let expected = lane.control.told(&group, began);
    assert_eq!(expected.last().map(|told| told.position), Some(end));
    let were_before = said.map(|said| said_before(&said, &expected, end));
    for person in [&admin, &lane.talker.clone(), &lane.mover.clone()] {
        lane.is_nowhere(person).await;
        assert_eq!(
            lane.say(person, &format!("{}-late-{n}", person.id))
                .await
                .status,
            404
        );
    }
    for follower in &lane.followers {
        follower
            .wait("the end", began, |told| told.position == end)
            .await;
        assert_eq!(follower.told(&group, began), expected, "{}", follower.name);
    }
    lane.tells_again(&since, &expected[1..]).await;
    were_before
}

/// So many rounds, spread over the lanes; each order must have happened often enough.
async fn race(end: End, rounds: usize) {
    let seed = seeds(1)[0];
    let mut app = App::with(1, "ring={events=20000}").await;
    app.add("ring={events=16}", &[]).await;
    let urls: Vec<_> = app.instances.iter().map(|i| i.url.clone()).collect();
    let started = Instant::now();
    let leads = Leads::default();
    let mut lanes = JoinSet::new();
    for n in 0..LANES {
        let (urls, leads) = (urls.clone(), leads.clone());
        lanes.spawn(async move {
            let mut lane = Lane::start(seed, n, &urls, leads).await;
            let (mut tally, mut joined) = (Tally::default(), 0);
            for round in 0..rounds / LANES {
                let were_before = if end == End::Deleted {
                    deletion(&mut lane, round).await
                } else {
                    let were_before;
                    (joined, were_before) = self::round(&mut lane, end, joined, round).await;
                    were_before
                };
                lane.learn(were_before);
                tally.add(were_before);
            }
            tally
        });
    }
    let mut all = Tally::default();
    while let Some(tally) = lanes.join_next().await {
        let tally = tally.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        all.rounds += tally.rounds;
        for (all, before) in all.before.iter_mut().zip(tally.before) {
            *all += before;
        }
    }
    let leads = *leads.lock().expect("nobody panicked with it");
    println!(
        "{end:?}, seed {seed}: {all:?}, begun {leads:.1?} ms later, in {:.1} s",
        started.elapsed().as_secs_f64()
    );
    assert_eq!(all.rounds, rounds);
    all.has_both_orders();
    let read = async |n: usize| app.instances[n].metric("causerie_catch_ups_total").await;
    assert_eq!(read(0).await, 0.0, "the large ring holds it all");
    assert!(
        read(1).await > rounds as f64 / 4.0,
        "the small one was to send readers to Postgres"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_removed_while_others_write_sees_nothing_after_it_until_they_are_back() {
    race(End::Removed, 1000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_leaves_while_others_write_sees_nothing_after_it_until_they_are_back() {
    race(End::Left, 200).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_deleted_for_all_while_they_write_ends_with_its_deletion_for_all() {
    race(End::Deleted, 200).await;
}
