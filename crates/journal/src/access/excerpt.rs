//! What proves that nothing was left out of an account of who read what: the entries as they were recorded, and the seals.

use jiff::Timestamp;

use super::entry::{About, subject_of};
use crate::config::{ACCESS, SEALS};
use crate::journal::Journal;
use crate::read::ReadError;
use crate::read::direct::{self, BATCH, Question};
use crate::seals::{Entry, KEY_SUBJECT, Line, Says, subject_of_seals};

const ACTION: &str = "read what proves who read what";

/// How many bytes of seals one page holds at most, if there is more than one seal.
const SEALS_BYTES_MAX: usize = 512 * 1024;

/// A time that is asked about; seals that reach into it count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Period {
    /// Its beginning; none for as far back as entries are kept.
    pub from: Option<Timestamp>,
    /// Its end; none for all that is there.
    pub until: Option<Timestamp>,
}

impl Period {
    fn holds(&self, since: Timestamp, until: Timestamp) -> bool {
        self.from.is_none_or(|from| until >= from) && self.until.is_none_or(|end| since <= end)
    }
}

/// Some seals over `ACCESS`, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Seals {
    /// Each to the letter.
    pub seals: Vec<String>,
    /// The first position under them and the last; none if there are none.
    pub covers: Option<(u64, u64)>,
    /// Where the next page begins: behind this position of the chain.
    pub cursor: u64,
    /// Whether there is a next page.
    pub more: bool,
}

/// Some entries about one household or colleague, as they were recorded, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lines {
    /// Each to the letter.
    pub lines: Vec<Line>,
    /// Whether there are more behind the last one.
    pub more: bool,
}

impl Journal {
    /// The entries of the integrity chain about its keys, to the letter, in order.
    ///
    /// # Errors
    /// [`ReadError`]: the broker does not answer.
    pub async fn keys_of_seals(&self) -> Result<Vec<String>, ReadError> {
        let (mut all, mut after) = (Vec::new(), 0);
        loop {
            let question = behind(after, KEY_SUBJECT, BATCH);
            let page = direct::ask(self.link(), SEALS, ACTION, &question).await?;
            for message in &page.messages {
                after = direct::place(message).map_or(after, |(_, position)| position);
                all.push(String::from_utf8_lossy(&message.payload).into_owned());
            }
            if page.messages.is_empty() || page.pending == 0 {
                return Ok(all);
            }
        }
    }

    /// The seals over who read what that reach into a period, behind a position of the chain (0 for all), a page of them.
    ///
    /// # Errors
    /// [`ReadError`]: the broker does not answer.
    pub async fn seals_of_accesses(&self, period: Period, after: u64) -> Result<Seals, ReadError> {
        let subject = subject_of_seals(ACCESS);
        let question = behind(after, &subject, BATCH);
        let page = direct::ask(self.link(), SEALS, ACTION, &question).await?;
        let mut found = Seals { cursor: after, more: page.pending > 0, ..Seals::default() };
        let mut bytes = 0;
        for message in &page.messages {
            let Some((_, position)) = direct::place(message) else { continue };
            if let Some(Entry { says: Says::Sealed(seal), .. }) = Entry::of_bytes(&message.payload)
                && period.holds(seal.since, seal.until)
            {
                bytes += message.payload.len();
                if bytes > SEALS_BYTES_MAX && !found.seals.is_empty() {
                    found.more = true;
                    break;
                }
                let first = found.covers.map_or(seal.from, |(first, _)| first);
                found.covers = Some((first, seal.to));
                found.seals.push(String::from_utf8_lossy(&message.payload).into_owned());
            }
            found.cursor = position;
        }
        Ok(found)
    }

    /// The entries about one household or colleague from one position to another, as they were recorded: nothing of them is
    /// opened. At most `limit` and at most 1,000.
    ///
    /// # Errors
    /// [`ReadError`]: the broker does not answer.
    pub async fn access_lines(
        &self,
        about: impl Into<About>,
        from: u64,
        to: u64,
        limit: usize,
    ) -> Result<Lines, ReadError> {
        let subject = subject_of(about.into());
        let question = behind(from.saturating_sub(1), &subject, limit.clamp(1, BATCH));
        let page = direct::ask(self.link(), ACCESS, ACTION, &question).await?;
        let (mut lines, mut more) = (Vec::new(), page.pending > 0);
        for message in &page.messages {
            let Some((_, position)) = direct::place(message) else { continue };
            if position > to {
                more = false;
                break;
            }
            lines.push(Line { position, body: String::from_utf8_lossy(&message.payload).into_owned() });
        }
        Ok(Lines { lines, more })
    }
}

fn behind(after: u64, subject: &str, batch: usize) -> Question<'_> {
    Question { seq: Some(after + 1), next_by_subj: Some(subject), batch: Some(batch), ..Question::default() }
}
