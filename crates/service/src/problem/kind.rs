//! The table of everything this surface can say no with. It is the code, the OpenAPI document and `PROBLEMS.md`.

use axum::http::StatusCode;

/// A kind of problem: a row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The body is not the JSON that was expected.
    MalformedBody,
    /// The JSON is nested too deep.
    TooDeep,
    /// An identifier in the path is not one.
    MalformedId,
    /// A parameter of the query is not what it should be.
    MalformedQuery,
    /// A header is not what it should be.
    MalformedHeader,
    /// A cursor that this service did not give.
    MalformedCursor,
    /// More rows were asked for at once than are given.
    ListTooLong,
    /// A longer wait was asked for than is granted.
    WaitTooLong,
    /// The caller has not signed in, or no longer is.
    SignInNeeded,
    /// The role may not do this, whatever it is done to.
    NotAllowed,
    /// The token may not do this, whatever its role.
    TokenNotAllowed,
    /// A request that changes something did not come from a page of ours.
    RequestForged,
    /// Nothing bears the id.
    UnknownId,
    /// Nothing is at the path.
    UnknownPath,
    /// The path does not know the method.
    MethodNotAllowed,
    /// A rule says no in the present situation. The `code` is the rule's own.
    RefusedNow,
    /// Others changed the same thing each time the command was decided.
    Contended,
    /// The version in `If-Match` is not the present one.
    StaleVersion,
    /// The body has more bytes than are read.
    BodyTooLarge,
    /// The body is not declared as JSON.
    UnsupportedMediaType,
    /// The idempotency key was used for another command.
    KeyReused,
    /// A rule says no whatever the situation. The `code` is the rule's own.
    RefusedAlways,
    /// More requests than the caller may make.
    TooManyRequests,
    /// A fault of ours.
    Internal,
    /// The broker does not answer.
    BrokerUnreachable,
    /// The view has not applied what was asked for.
    ViewBehind,
    /// A check of readiness fails.
    NotReady,
    /// As many requests are being served as are served at once.
    TooBusy,
    /// As many live streams are open as are served at once.
    TooManyStreams,
    /// The request took longer than it may.
    TimedOut,
    /// The aggregate holds an event that this program cannot read.
    AggregateStopped,
    /// The journal has no room left.
    JournalFull,
}

/// A row of the table: what is the same for all problems of a kind.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// Stable, for software; the end of the `type` URI.
    pub code: &'static str,
    /// The HTTP status, always the same for the kind.
    pub status: StatusCode,
    /// What happened, in a few words; always the same for the kind.
    pub title: &'static str,
    /// What was not done, and what the caller does next.
    pub remedy: &'static str,
    /// The members it has besides those of RFC 9457 and `code`.
    pub members: &'static [&'static str],
    /// After how many seconds asking again makes sense, if it does.
    pub retry_after_s: Option<u32>,
}

const fn entry(
    code: &'static str,
    status: StatusCode,
    title: &'static str,
    remedy: &'static str,
    members: &'static [&'static str],
) -> Entry {
    Entry { code, status, title, remedy, members, retry_after_s: None }
}

const fn later(entry: Entry, seconds: u32) -> Entry {
    Entry { retry_after_s: Some(seconds), ..entry }
}

impl Kind {
    /// Every kind, by status and then as declared.
    pub const ALL: [Self; 32] = [
        Self::MalformedBody,
        Self::TooDeep,
        Self::MalformedId,
        Self::MalformedQuery,
        Self::MalformedHeader,
        Self::MalformedCursor,
        Self::ListTooLong,
        Self::WaitTooLong,
        Self::SignInNeeded,
        Self::NotAllowed,
        Self::TokenNotAllowed,
        Self::RequestForged,
        Self::UnknownId,
        Self::UnknownPath,
        Self::MethodNotAllowed,
        Self::RefusedNow,
        Self::Contended,
        Self::StaleVersion,
        Self::BodyTooLarge,
        Self::UnsupportedMediaType,
        Self::KeyReused,
        Self::RefusedAlways,
        Self::TooManyRequests,
        Self::Internal,
        Self::BrokerUnreachable,
        Self::ViewBehind,
        Self::NotReady,
        Self::TooBusy,
        Self::TooManyStreams,
        Self::TimedOut,
        Self::AggregateStopped,
        Self::JournalFull,
    ];

    /// The row of this kind.
    #[must_use]
    pub const fn entry(self) -> Entry {
        use StatusCode as S;
        match self {
            Self::MalformedBody => entry(
                "malformed-body",
                S::BAD_REQUEST,
                "the body is not the JSON that was expected",
                "Nothing was done. Correct the body at `pointer` (or at `line` and `column`) and ask again.",
                &["pointer", "line", "column"],
            ),
            Self::TooDeep => entry(
                "too-deep",
                S::BAD_REQUEST,
                "the JSON is nested too deep",
                "Nothing was done. Send JSON nested no deeper than `bound.value`.",
                &["bound"],
            ),
            Self::MalformedId => entry(
                "malformed-id",
                S::BAD_REQUEST,
                "this is not an identifier",
                "Nothing was done. Use the identifier as it was given, in the form of `expected`.",
                &["parameter", "expected"],
            ),
            Self::MalformedQuery => entry(
                "malformed-query",
                S::BAD_REQUEST,
                "a parameter of the query is not what was expected",
                "Nothing was done. Correct `parameter`.",
                &["parameter"],
            ),
            Self::MalformedHeader => entry(
                "malformed-header",
                S::BAD_REQUEST,
                "a header is not what was expected",
                "Nothing was done. Correct `header` to the form of `expected`.",
                &["header", "expected"],
            ),
            Self::MalformedCursor => entry(
                "malformed-cursor",
                S::BAD_REQUEST,
                "this cursor was not given by this service",
                "Start the list again without a cursor.",
                &["parameter"],
            ),
            Self::ListTooLong => entry(
                "list-too-long",
                S::BAD_REQUEST,
                "more rows were asked for at once than are given",
                "Ask for at most `bound.value` rows and follow the cursor.",
                &["bound", "found"],
            ),
            Self::WaitTooLong => entry(
                "wait-too-long",
                S::BAD_REQUEST,
                "a longer wait was asked for than is granted",
                "Ask for a wait of at most `bound.value` milliseconds, and again when it is over.",
                &["bound", "found"],
            ),
            Self::SignInNeeded => entry(
                "sign-in-needed",
                S::UNAUTHORIZED,
                "nobody is signed in, or no longer is",
                "Nothing was done. Sign in, or send a token that is good: it may have expired or been revoked.",
                &[],
            ),
            Self::NotAllowed => entry(
                "not-allowed",
                S::FORBIDDEN,
                "the role may not do this",
                "Nothing was done. Ask somebody whose role it is, or act as another of your profiles.",
                &["role"],
            ),
            Self::TokenNotAllowed => entry(
                "token-not-allowed",
                S::FORBIDDEN,
                "the token may not do this",
                "Nothing was done. `limit` says which limit of the token was met; another token is issued by your administrator.",
                &["limit"],
            ),
            Self::RequestForged => entry(
                "request-forged",
                S::FORBIDDEN,
                "the request did not come from a page of this site",
                "Nothing was done. Send it from the site's own pages, with the session's token in `Continuum-Csrf`.",
                &[],
            ),
            Self::UnknownId => entry(
                "unknown-id",
                S::NOT_FOUND,
                "nothing known here bears this id",
                "Check the id. A view that is behind may not know it yet: ask with `at_least`.",
                &["aggregate", "id"],
            ),
            Self::UnknownPath => entry(
                "unknown-path",
                S::NOT_FOUND,
                "nothing is at this path",
                "See the description of the API at `/api/openapi.json`.",
                &[],
            ),
            Self::MethodNotAllowed => entry(
                "method-not-allowed",
                S::METHOD_NOT_ALLOWED,
                "this path does not know this method",
                "Use a method of the `Allow` header.",
                &[],
            ),
            Self::RefusedNow => entry(
                "refused-now",
                S::CONFLICT,
                "a rule says no in the present situation",
                "Nothing was written. `code` is the rule's own; `rule` names it and `detail` says why, in French, for a person; `since` tells since when, where that helps; `look_alikes` lists the files that look like the one that was to be opened.",
                &["rule", "since", "look_alikes"],
            ),
            Self::Contended => later(
                entry(
                    "contended",
                    S::CONFLICT,
                    "others kept changing the same thing",
                    "Nothing was written. Ask again with the same `Idempotency-Key`.",
                    &[],
                ),
                1,
            ),
            Self::StaleVersion => entry(
                "stale-version",
                S::PRECONDITION_FAILED,
                "this was changed since it was read",
                "Nothing was written. Read version `found`, decide again, and send it in `If-Match`.",
                &["expected", "found"],
            ),
            Self::BodyTooLarge => entry(
                "body-too-large",
                S::PAYLOAD_TOO_LARGE,
                "the body has more bytes than are read",
                "Nothing was done. Send at most `bound.value` bytes at once.",
                &["bound"],
            ),
            Self::UnsupportedMediaType => entry(
                "unsupported-media-type",
                S::UNSUPPORTED_MEDIA_TYPE,
                "the body is not declared as the type that is read here",
                "Nothing was done. Send the body with the `Content-Type` of `expected`.",
                &["expected"],
            ),
            Self::KeyReused => entry(
                "idempotency-key-reused",
                S::UNPROCESSABLE_ENTITY,
                "this idempotency key was used for another command",
                "Nothing was written. Use a new key for a new command, and the same key only for the same body.",
                &[],
            ),
            Self::RefusedAlways => entry(
                "refused-always",
                S::UNPROCESSABLE_ENTITY,
                "a rule says no, whatever the situation",
                "Nothing was written. `code` is the rule's own; `rule` names it and `detail` says why, in French, for a person; `since` tells since when, where that helps.",
                &["rule", "since"],
            ),
            Self::TooManyRequests => later(
                entry(
                    "too-many-requests",
                    S::TOO_MANY_REQUESTS,
                    "more requests than the caller may make",
                    "Nothing was done. Ask again after `Retry-After`; `bound` says which limit was met.",
                    &["bound"],
                ),
                10,
            ),
            Self::Internal => entry(
                "internal",
                S::INTERNAL_SERVER_ERROR,
                "something is wrong on our side",
                "Ask again with the same `Idempotency-Key`; if it stays so, quote `instance` to those who run the service.",
                &[],
            ),
            Self::BrokerUnreachable => later(
                entry(
                    "broker-unreachable",
                    S::SERVICE_UNAVAILABLE,
                    "the journal cannot be reached",
                    "Ask again with the same `Idempotency-Key` after `Retry-After`: what was recorded stays so and is not recorded twice.",
                    &[],
                ),
                5,
            ),
            Self::ViewBehind => later(
                entry(
                    "view-behind",
                    S::SERVICE_UNAVAILABLE,
                    "this service has not read the journal that far",
                    "Ask again after `Retry-After`, or without `at_least` for what is known up to `found`.",
                    &["expected", "found"],
                ),
                1,
            ),
            Self::NotReady => later(
                entry(
                    "not-ready",
                    S::SERVICE_UNAVAILABLE,
                    "this service is not ready",
                    "Send requests to another replica until the `checks` pass.",
                    &["service", "checks"],
                ),
                1,
            ),
            Self::TooBusy => later(
                entry(
                    "too-busy",
                    S::SERVICE_UNAVAILABLE,
                    "as many requests are being served as are served at once",
                    "Nothing was done. Ask again after `Retry-After`.",
                    &["bound"],
                ),
                1,
            ),
            Self::TooManyStreams => later(
                entry(
                    "too-many-streams",
                    S::SERVICE_UNAVAILABLE,
                    "as many live streams are open as are served at once",
                    "Ask again after `Retry-After`, with the same `Last-Event-ID`.",
                    &["bound"],
                ),
                5,
            ),
            Self::TimedOut => later(
                entry(
                    "timed-out",
                    S::SERVICE_UNAVAILABLE,
                    "the request took longer than it may",
                    "A command may or may not have been recorded: ask again with the same `Idempotency-Key`.",
                    &["bound"],
                ),
                1,
            ),
            Self::AggregateStopped => entry(
                "aggregate-stopped",
                S::SERVICE_UNAVAILABLE,
                "this file holds an event that this program cannot read",
                "Nothing was written. Those who run the service are warned; the other files go on.",
                &["aggregate", "id"],
            ),
            Self::JournalFull => entry(
                "journal-full",
                S::INSUFFICIENT_STORAGE,
                "the journal has no room left",
                "Nothing was written. Those who run the service must give it room; then ask again.",
                &[],
            ),
        }
    }

    /// Whether the `code` of a problem of this kind is that of the rule, not of the kind.
    #[must_use]
    pub const fn is_a_rule(self) -> bool {
        matches!(self, Self::RefusedNow | Self::RefusedAlways)
    }
}
