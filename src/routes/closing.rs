//! A stream's last line in the log: why it ended and after how long. Its request's own line stands at its start.

use std::time::Instant;

use crate::error::Error;
use crate::model::UserKey;
use crate::requests::LogContext;

/// Writes the line when the stream is dropped, whoever ended it.
pub struct Closing {
    context: LogContext,
    who: UserKey,
    opened: Instant,
    /// Why the service ended it; unless it did, the client left.
    pub reason: &'static str,
}

impl Closing {
    pub fn new(context: LogContext, who: &UserKey) -> Self {
        Self {
            context,
            who: who.clone(),
            opened: Instant::now(),
            reason: "client-left",
        }
    }

    /// What ended it was a failure of ours.
    pub fn failed(&mut self, error: &Error) {
        self.reason = "error";
        tracing::error!(
            code = error.code.as_str(),
            cause = error.cause,
            request.id = self.context.request_id,
            trace.id = self.trace_id(),
            "a stream failed"
        );
    }

    pub fn request_id(&self) -> &str {
        &self.context.request_id
    }

    fn trace_id(&self) -> Option<&str> {
        let trace = self.context.trace.as_ref();
        trace.map(|trace| &*trace.trace_id)
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        tracing::info!(
            reason = self.reason,
            duration.ms = self.opened.elapsed().as_millis() as u64,
            request.id = self.context.request_id,
            tenant.id = &*self.who.tenant,
            user.id = &*self.who.id,
            trace.id = self.trace_id(),
            "stream ended"
        );
    }
}
