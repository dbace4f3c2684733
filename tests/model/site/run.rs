//! One run on one site: people move in, operations are carried out one after the other, and looked at every so often.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::action::{Action, Create};
use super::device::Device;
use super::host::{Ask, Host};
use super::perform::perform;
use super::snapshot::Snapshot;
use super::world::{By, Person, World};
use super::{Failure, Figures, Kind, MEMORY, Op, STORE, checks, receipts};

/// Those who do things. One more is in the large group only.
pub(super) const PEOPLE: usize = 7;
/// Of the large group: its receipts are the readers' own.
const LARGE: usize = 24;
/// What the first of them begins before anything else: more than three pages of a snapshot.
const BEGUN: usize = 66;
/// Operations between two looks.
const ROUND: usize = 160;

pub(super) struct Run<'r> {
    pub(super) host: Host,
    pub(super) world: World,
    pub(super) devices: Vec<Device>,
    /// Before anything happened.
    pub(super) start: String,
    /// What was done, for whoever has to do it again.
    trace: &'r mut Vec<String>,
    pub(super) figures: Figures,
}

/// Carries out the operations on a site of its own. `is_quiet`: the tenant has neither notices nor receipts. What is
/// done goes to `trace`.
pub async fn run(
    urls: &[String],
    is_quiet: bool,
    ops: &[Op],
    trace: &mut Vec<String>,
) -> Result<Figures, Failure> {
    let mut run = Run::begin(urls, is_quiet, trace).await?;
    for begun in 0..BEGUN {
        let action = Action::Create(run.first(begun));
        run.act(&action, begun).await?;
    }
    run.take_devices().await?;
    for (round, ops) in ops.chunks(ROUND).enumerate() {
        for op in ops {
            if let Some(action) = op.resolve(&mut run.world, PEOPLE) {
                run.act(&action, op.with as usize / 7).await?;
            }
        }
        run.look(round).await?;
    }
    run.end().await
}

impl<'r> Run<'r> {
    async fn begin(
        urls: &[String],
        is_quiet: bool,
        trace: &'r mut Vec<String>,
    ) -> Result<Self, Failure> {
        static SITES: AtomicUsize = AtomicUsize::new(0);
        let number = SITES.fetch_add(1, Ordering::Relaxed);
        let tenant = format!("{}-{number}", if is_quiet { "quiet" } else { "site" });
        let host = Host::new(urls, &tenant, PEOPLE);
        let person = |n: usize| Person {
            id: format!("p{n}"),
            name: format!("p{n}"),
            receipts_off: false,
            acked: 0,
        };
        let world = World {
            people: (0..LARGE).map(person).collect(),
            notices: !is_quiet,
            receipts: !is_quiet,
            ..World::default()
        };
        let profiles: Vec<Value> = world
            .people
            .iter()
            .map(|p| json!({ "id": p.id, "name": p.name }))
            .collect();
        let put = Ask::of(reqwest::Method::PUT, "/v1/users", Some(profiles.into()));
        let answer = host.ask(By::Service, MEMORY, &put).await?;
        Failure::unless(answer.status == 200, Kind::Answer, || answer.text.clone())?;
        let start = host
            .get(&world, By::Service, MEMORY, "/v1/events")
            .await?
            .cursor();
        // From now on both follow most of them: what they know later was told them by the log. Of the others, their feeds
        // are born at the end.
        for person in 0..PEOPLE - 2 {
            for instance in [MEMORY, STORE] {
                let path = format!("/v1/events?since={start}");
                host.get(&world, By::Person(person), instance, &path)
                    .await?;
            }
        }
        Ok(Self {
            host,
            world,
            devices: Vec::new(),
            start,
            trace,
            figures: Figures::default(),
        })
    }

    /// The first person's own, with each of the others in turn, and the large group.
    fn first(&mut self, n: usize) -> Create {
        let other = 1 + n % (PEOPLE - 1);
        let create = Create {
            by: Some(0),
            people: vec![(other, false)],
            ..Create::default()
        };
        match n {
            0 => Create {
                is_group: true,
                people: (1..LARGE).map(|p| (p, false)).collect(),
                ..create
            },
            _ if n.is_multiple_of(4) => {
                let people = vec![(other, true), (1 + (n + 1) % (PEOPLE - 1), false)];
                Create {
                    is_group: true,
                    people,
                    subject: Some(format!("Group {n}")),
                    ..create
                }
            }
            _ => {
                let message = n.is_multiple_of(2).then(|| self.world.new_text(false));
                Create {
                    context: Some(1000 + n as u16),
                    message,
                    ..create
                }
            }
        }
    }

    pub(super) async fn act(&mut self, action: &Action, instance: usize) -> Result<(), Failure> {
        let instance = instance % self.host.urls.len();
        self.trace.push(format!("{instance}: {action:?}"));
        self.figures.operations += 1;
        self.figures.refused += usize::from(self.world.judge(action).is_err());
        perform(&self.host, &mut self.world, action, instance).await
    }

    async fn take_devices(&mut self) -> Result<(), Failure> {
        for person in 0..3 {
            let snapshot = Snapshot::take(&self.host, &self.world, person, person).await?;
            checks::fresh(&self.world, person, &snapshot)?;
            if person == 0 {
                let is_long = snapshot.pages > 3;
                Failure::unless(is_long, Kind::Snapshot, || {
                    format!("only {} pages", snapshot.pages)
                })?;
            }
            self.devices
                .push(Device::start(&self.world, person, &snapshot));
        }
        Ok(())
    }

    /// Between two rounds: one device, everything of one conversation, a few receipts.
    async fn look(&mut self, round: usize) -> Result<(), Failure> {
        let Self {
            host,
            world,
            devices,
            ..
        } = self;
        let many = devices.len();
        self.figures.events +=
            checks::device(host, world, &mut devices[round % many], round).await?;
        let person = (round / 2) % PEOPLE;
        let listed = world.list(person, false);
        if let Some(of) = listed.get(round % listed.len().max(1)) {
            checks::conversation(host, world, person, *of, round).await?;
        }
        for message in world.messages.len().saturating_sub(120)..world.messages.len() {
            let of = world.messages[message].conversation;
            if message % 12 == round % 12 && world.stretch(person, of).is_some() {
                receipts::check(host, world, person, round, message).await?;
            }
        }
        Ok(())
    }
}
