//! The end of what was recorded of one subscription.

use domain::id::SubscriptionId;
use journal::Journal;
use journal::deliveries::{DeliveryError, DeliveryRecord, Outcome, Reach, Stopped, Tip};
use journal::read::ReadError;

/// How often a record is put behind one that somebody else wrote meanwhile.
const TRIES: usize = 3;

/// The end of a chain, and how far the subscription is by it.
#[derive(Debug)]
pub(super) struct Chain {
    id: SubscriptionId,
    tip: Tip,
    pub(super) reach: Reach,
}

impl Chain {
    /// The end of a subscription's chain, and its last record. What is sent since `began` is no earlier than that.
    pub(super) async fn end(
        journal: &Journal,
        id: SubscriptionId,
        began: u64,
    ) -> Result<(Self, Option<DeliveryRecord>), ReadError> {
        let last = journal.last_delivery(id).await?;
        let tip = last.as_ref().map_or(Tip::NONE, |last| last.tip);
        let record = last.map(|last| last.record);
        let mut reach = record.as_ref().map_or_else(Reach::default, |record| record.reach.clone());
        reach.cursor = reach.cursor.max(began);
        Ok((Self { id, tip, reach }, record))
    }

    /// Puts what `record` makes of how far the subscription is at the end of the chain, wherever that is by now.
    ///
    /// # Errors
    /// [`DeliveryError`]: it may not be recorded.
    pub(super) async fn put(
        &mut self,
        journal: &Journal,
        record: impl Fn(Reach) -> DeliveryRecord,
    ) -> Result<(), DeliveryError> {
        let mut tried = 1;
        loop {
            let record = stopping(record(self.reach.clone()));
            match journal.record_delivery(self.id, &self.tip, &record).await {
                Ok(tip) => {
                    (self.tip, self.reach) = (tip, record.reach);
                    return Ok(());
                }
                // Somebody else records, too: both say what they did, one behind the other.
                Err(DeliveryError::Overtaken) if tried < TRIES => {
                    tried += 1;
                    let (mut end, _) = Self::end(journal, self.id, 0).await?;
                    end.reach.catch_up(&self.reach);
                    *self = end;
                }
                Err(why) => return Err(why),
            }
        }
    }
}

/// The record, saying also whether sending stops with it; what stopped in an earlier round goes on with it.
fn stopping(mut record: DeliveryRecord) -> DeliveryRecord {
    let DeliveryRecord { round, position, item, outcome, reach, .. } = &mut record;
    match outcome {
        Outcome::GivenUp { .. } | Outcome::Gone | Outcome::NotSent { .. } => {
            reach.stopped = Some(Stopped { round: *round, position: *position, item: item.clone() });
        }
        Outcome::Delivered | Outcome::Sent | Outcome::SetAside | Outcome::Again { .. } => {
            reach.stopped = None
        }
        Outcome::Acknowledged => {}
    }
    record
}
