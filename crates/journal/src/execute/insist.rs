//! Sending a decision until it is known what became of it.

use tokio::time::Instant;

use super::Course;
use crate::append::AppendError;
use crate::decision::{Appended, Decision};
use crate::journal::Journal;

impl Journal {
    /// Records a decision; while its outcome is unknown it is sent again as it is. Decided again, it might be refused
    /// because of something that happened since, and be recorded all the same when the broker comes to it. Under the
    /// same guards it is recorded once, or never can be.
    pub(super) async fn insist(
        &self,
        course: &mut Course<'_>,
        decision: Decision,
    ) -> Result<Appended, AppendError> {
        let versions = decision.expected.clone();
        let prepared = self.prepared(decision).await?;
        let mut unknown = None;
        loop {
            let why = match (self.send(prepared.clone()).await, unknown) {
                (Err(AppendError::Unknown { why }), _) => why,
                // It was sent before: that nothing was recorded now says nothing about then.
                (Err(AppendError::Unreachable(_) | AppendError::Full { .. }), Some(why)) => why,
                (outcome, _) => return outcome,
            };
            course.suspect(versions.clone());
            if Instant::now() + course.pause >= course.deadline {
                return Err(AppendError::Unknown { why });
            }
            course.rest().await;
            unknown = Some(why);
        }
    }
}
