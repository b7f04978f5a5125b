//! The requests that were refused, as a file of the register again: corrected, it is imported like the original.

use std::ops::Range;

use super::super::xml::Element;
use crate::import::verdict::{Fault, Report, Verdict};

/// What a comment of ours begins with.
const REASON: &str = "<!-- motif : ";
/// What every comment ends with.
const END: &str = "-->";

/// A file of the register, and where its requests stand in it.
#[derive(Debug)]
pub struct Requests {
    text: String,
    root: Range<usize>,
    demands: Vec<Demand>,
}

/// A `demande`: where it stands, and the `demandeLogement` in it by number.
#[derive(Debug)]
struct Demand {
    stands: Range<usize>,
    requests: Vec<(u64, Range<usize>)>,
}

impl Requests {
    /// The requests of the document `text` whose root is `root`, numbered from 1 on.
    pub(super) fn of(text: &str, root: &Element) -> Self {
        let mut numbers = 1..;
        let mut numbered = |asked: &Element| Some((numbers.next()?, asked.span.clone()));
        let demands = root.all("demande").into_iter();
        let demands = demands.map(|demand| {
            let requests = demand.all("demandeLogement").into_iter().filter_map(&mut numbered);
            Demand { stands: demand.span.clone(), requests: requests.collect() }
        });
        Self { demands: demands.collect(), text: text.to_owned(), root: root.span.clone() }
    }

    /// The file without the requests that were not refused, the reasons before each of the others.
    #[must_use]
    pub fn refused(&self, report: &Report) -> Option<String> {
        let faults = |number: u64| match report.lines.get(&number) {
            Some(Verdict::Refused(faults)) => Some(faults),
            Some(_) | None => None,
        };
        let mut written = Written { text: &self.text, at: self.root.start, file: HEAD.to_owned() };
        let mut some = false;
        for Demand { stands, requests } in &self.demands {
            if requests.iter().all(|(number, _)| faults(*number).is_none()) {
                written.leave_out(stands);
                continue;
            }
            for (number, request) in requests {
                match faults(*number) {
                    Some(faults) => {
                        some = true;
                        written.up_to(request.start);
                        written.file.push_str(&reasons(*number, faults));
                        written.up_to(request.end);
                    }
                    None => written.leave_out(request),
                }
            }
        }
        written.up_to(self.root.end);
        written.file.push('\n');
        some.then_some(written.file)
    }
}

/// The file is read as text whatever it was written in, and is written as UTF-8.
const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

/// What is written so far, and how far the original was read for it.
struct Written<'t> {
    text: &'t str,
    at: usize,
    file: String,
}

impl Written<'_> {
    /// Writes on up to `end`, without the reasons of an earlier run.
    fn up_to(&mut self, end: usize) {
        let mut rest = self.text.get(self.at..end).unwrap_or_default();
        while let Some((before, reason)) = rest.split_once(REASON) {
            self.file.push_str(before);
            rest = reason.split_once(END).map_or("", |(_, after)| after);
        }
        self.file.push_str(rest);
        self.at = end;
    }

    /// Writes on up to `part`, and goes on behind it. The blanks before it go with it.
    fn leave_out(&mut self, part: &Range<usize>) {
        self.up_to(part.start);
        self.file.truncate(self.file.trim_end().len());
        self.at = part.end;
    }
}

fn reasons(number: u64, faults: &[Fault]) -> String {
    let mut comments = String::new();
    for Fault { column, why } in faults {
        let about = if column.is_empty() { String::new() } else { format!(", {column}") };
        // Two hyphens would end the comment.
        let why = why.replace("--", "- -");
        comments.push_str(&format!("{REASON}demande {number}{about} : {why} {END}"));
    }
    comments
}
