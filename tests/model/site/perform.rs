//! Carrying an action out, and holding its answer against what the world says.

use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};

use super::action::{Action, View};
use super::apply::Done;
use super::host::{Host, no_dead_text};
use super::view::{difference, of_conversation, of_members, of_message};
use super::world::{By, World};
use super::{Failure, Kind};
use crate::support::Answer;

/// Asks, judges the answer, and lets the world follow.
pub async fn perform(
    host: &Host,
    world: &mut World,
    action: &Action,
    instance: usize,
) -> Result<(), Failure> {
    let by = action.by();
    let ask = action.ask(world);
    let expected = world.judge(action);
    let began = Utc::now();
    let answer = host.ask(by, instance, &ask).await?;
    let (status, code) = match expected {
        Ok(status) => (status, ""),
        Err((status, code)) => (status, code),
    };
    Failure::unless(
        (answer.status, answer.code()) == (status, code),
        Kind::Answer,
        || {
            format!(
                "{action:?}\n  {ask}: expected {status} {code}, is {} {}",
                answer.status, answer.text
            )
        },
    )?;
    if expected.is_err() {
        return Ok(());
    }
    // What is shown has whole milliseconds.
    let done = world.apply(action, (began - TimeDelta::milliseconds(1), Utc::now()));
    bind(world, done, &answer);
    if let Action::Notification { step, .. } = action {
        world.bind_notifications(step, &answer.body);
    }
    if !matches!(
        action,
        Action::Look {
            at: View::Revisions(_),
            ..
        }
    ) {
        no_dead_text(world, &answer.text, || format!("{action:?}"))?;
    }
    for (expected, answered) in shown(world, action, done, &answer.body) {
        if let Some(difference) = difference(&expected, &answered) {
            let what = format!("{action:?}\n  {ask}: {difference}\n  {}", answer.text);
            return Err(Failure::new(Kind::Answer, what));
        }
    }
    Ok(())
}

/// The world learns the ids of what was made.
fn bind(world: &mut World, done: Done, answer: &Answer) {
    let id = answer.body["id"].as_str().map(str::to_owned);
    if let (Some(conversation), Some(id)) = (done.conversation, &id) {
        world.conversations[conversation].id = id.clone();
    }
    if let Some(message) = done.message {
        world.messages[message].id = id;
    }
}

/// What the answer should show, and what it shows.
fn shown(world: &World, action: &Action, done: Done, body: &Value) -> Vec<(Value, Value)> {
    let by = action.by();
    let me = match by {
        By::Person(me) => Some(me),
        By::Service => None,
    };
    let conversation = |of: usize| vec![(world.conversation(of, by), of_conversation(body))];
    let message = |of: usize| vec![(world.message(of, me), of_message(body))];
    let horizon = |of: usize| {
        let read = me.and_then(|me| world.stretch(me, of)).map(|s| s.read);
        vec![(json!(read), body["readUpTo"].clone())]
    };
    match action {
        Action::Create(_) => conversation(done.conversation.unwrap_or_default()),
        Action::Put {
            conversation: of, ..
        }
        | Action::Alter {
            conversation: of, ..
        } => conversation(*of),
        Action::Send { .. } => message(done.message.unwrap_or_default()),
        Action::Edit { message: of, .. } => message(*of),
        Action::Read { conversation, .. } => horizon(*conversation),
        Action::ReadMessage { message, .. } => horizon(world.messages[*message].conversation),
        Action::Add {
            conversation,
            people,
            ..
        } => {
            let named = |member: &Value| {
                people
                    .iter()
                    .any(|(p, _)| member["id"] == world.person_id(*p))
            };
            let mut members = world.members(*conversation);
            members.retain(named);
            let mut answered = of_members(&body["items"]);
            let by_id = |member: &Value| member["id"].to_string();
            members.sort_by_key(by_id);
            answered.sort_by_key(by_id);
            vec![(members.into(), answered.into())]
        }
        Action::Look { at, .. } => looked(world, *at, by, body),
        _ => Vec::new(),
    }
}

fn looked(world: &World, at: View, by: By, body: &Value) -> Vec<(Value, Value)> {
    let me = match by {
        By::Person(me) => Some(me),
        By::Service => None,
    };
    let items = body["items"].as_array().into_iter().flatten();
    let (expected, answered) = match at {
        View::Conversation(of) => (world.conversation(of, by), of_conversation(body)),
        View::Members(of) => (world.members(of).into(), of_members(&body["items"]).into()),
        View::Messages(of) => {
            let all = &world.conversations[of].messages;
            let newest = all[all.len().saturating_sub(50)..].iter();
            let newest: Vec<Value> = newest.map(|m| world.message(*m, me)).collect();
            (newest.into(), items.map(of_message).collect())
        }
        View::Message(of) => (world.message(of, me), of_message(body)),
        // Held against the world with the other receipts.
        View::Receipts(_) => return Vec::new(),
        View::Revisions(of) => {
            let worded = |item: &Value| match item["content"].as_str() {
                Some(text) if text.starts_with("[[") => text.to_owned(),
                _ => "?".to_owned(),
            };
            let told: Vec<String> = items.map(worded).collect();
            (json!(world.messages[of].revisions), json!(told))
        }
    };
    vec![(expected, answered)]
}
