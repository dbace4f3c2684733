//! Goes on with erasures: reads what is left of a person, and has it blanked a chunk at a time, until a look through
//! everything finds nothing. Whichever instance claims one does it; if that is killed, another goes on ten seconds later.

use std::time::{Duration, Instant};

use sqlx::PgPool;

use crate::error::Result;
use crate::store::batch::{Op, Outcome, mismatch};
use crate::store::blanking::Blank;
use crate::store::reminded;
use crate::store::remnants::{self, Claimed, WINDOW};
use crate::store::writer::Writer;

const EVERY: Duration = Duration::from_secs(1);
/// Messages and memberships of one chunk.
const CHUNK: usize = 500;
/// Between two chunks, for other people's writes.
const PAUSE: Duration = Duration::from_millis(20);
/// Seconds after which every instance has heard that the person's tokens are refused.
const SETTLED: f64 = 3.0;

/// Runs for as long as the process lives.
pub async fn run(pool: PgPool, writer: Writer) {
    loop {
        match remnants::claim(&pool).await {
            Ok(Some(claimed)) => {
                if let Err(error) = erase(&pool, &writer, claimed).await {
                    tracing::warn!(%error, "an erasure is gone on with in some seconds");
                }
            }
            Ok(None) => tokio::time::sleep(EVERY).await,
            Err(error) => {
                tracing::warn!(%error, "whether somebody is to be erased is not known; trying again");
                tokio::time::sleep(EVERY).await;
            }
        }
    }
}

/// Looks through everything until there is nothing, and says so.
async fn erase(pool: &PgPool, writer: &Writer, claimed: Claimed) -> Result<()> {
    let claimed_at = Instant::now();
    let mut from_the_start = claimed.done_up_to.is_none();
    let mut walk = Walk {
        pool,
        writer,
        chunk: chunk(&claimed),
        blanked: 0,
    };
    walk.chunk.done_up_to = claimed.done_up_to;
    loop {
        walk.blanked = 0;
        walk.through().await?;
        let is_settled = claimed.age + claimed_at.elapsed().as_secs_f64() > SETTLED;
        if from_the_start && walk.blanked == 0 && is_settled {
            break;
        }
        // Those up to where an earlier instance came are looked at as well: a late message of theirs may be there.
        from_the_start = true;
        walk.chunk = chunk(&claimed);
        if !is_settled {
            tokio::time::sleep(EVERY).await;
        }
    }
    while remnants::forget(pool, &claimed.user).await? > 0 {
        tokio::time::sleep(PAUSE).await;
    }
    while reminded::forget(pool, &claimed.user).await? > 0 {
        tokio::time::sleep(PAUSE).await;
    }
    walk.chunk.is_last = true;
    walk.write().await
}

fn chunk(claimed: &Claimed) -> Blank {
    Blank {
        user: claimed.user.clone(),
        position: claimed.position,
        messages: Vec::new(),
        leave: Vec::new(),
        done_up_to: None,
        is_last: false,
    }
}

/// One look through everything, with the chunk that is being filled.
struct Walk<'a> {
    pool: &'a PgPool,
    writer: &'a Writer,
    chunk: Blank,
    blanked: u64,
}

impl Walk<'_> {
    async fn through(&mut self) -> Result<()> {
        loop {
            let after = self.chunk.done_up_to;
            let user = self.chunk.user.clone();
            let conversations = remnants::conversations(self.pool, &user, after).await?;
            if conversations.is_empty() {
                return self.write().await;
            }
            for (conversation, last_seq) in conversations {
                let mut seq = 0;
                while seq < last_seq {
                    let found = remnants::messages(self.pool, &user, conversation, seq).await?;
                    // A full page may not reach to the end of its window.
                    seq = match found.last() {
                        Some(last) if found.len() == CHUNK => last.seq,
                        _ => seq + WINDOW,
                    };
                    if self.size() + found.len() > CHUNK {
                        self.write().await?;
                    }
                    self.chunk.messages.extend(found);
                }
                if self.size() == CHUNK {
                    self.write().await?;
                }
                self.chunk.leave.push(conversation);
                self.chunk.done_up_to = Some(conversation);
            }
        }
    }

    fn size(&self) -> usize {
        self.chunk.messages.len() + self.chunk.leave.len()
    }

    async fn write(&mut self) -> Result<()> {
        let op = Op::Blank(self.chunk.clone());
        self.chunk.messages.clear();
        self.chunk.leave.clear();
        let Outcome::Blanked(blanked) = self.writer.write(op).await? else {
            return Err(mismatch());
        };
        self.blanked += blanked;
        tokio::time::sleep(PAUSE).await;
        Ok(())
    }
}
