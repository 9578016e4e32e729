//! Whether and when a request is tried again. Pure: the wait depends on the arguments alone.
//!
//! Codes: <https://opentelemetry.io/docs/specs/otlp/#failures> and
//! <https://opentelemetry.io/docs/specs/otlp/#retryable-response-codes>.

use std::time::Duration;

use super::Retry;

/// Why one try did not deliver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// No connection.
    Unconnected(String),
    /// Time ran out, with or without a connection.
    Silence(String),
    /// The connection broke before an answer came.
    Lost(String),
    /// An answer that allows another try, with the wait that the server asks for.
    Busy {
        /// Status and message, for a person.
        why: String,
        /// `RetryInfo` or `Retry-After`.
        after: Option<Duration>,
    },
    /// An answer that forbids another try.
    Refused(String),
    /// The backend does not know the signal.
    Unimplemented(String),
}

impl Failure {
    /// What a person reads about it.
    pub(super) fn why(&self) -> &str {
        match self {
            Self::Unconnected(why)
            | Self::Silence(why)
            | Self::Lost(why)
            | Self::Busy { why, .. }
            | Self::Refused(why)
            | Self::Unimplemented(why) => why,
        }
    }
}

/// Sorts a gRPC status by what it allows; `after` is the server's `RetryInfo`.
pub(super) fn grpc(code: u16, why: String, after: Option<Duration>) -> Failure {
    match code {
        // CANCELLED, DEADLINE_EXCEEDED, ABORTED, OUT_OF_RANGE, UNAVAILABLE, DATA_LOSS
        1 | 4 | 10 | 11 | 14 | 15 => Failure::Busy { why, after },
        // RESOURCE_EXHAUSTED, only when the server says that it will recover.
        8 if after.is_some() => Failure::Busy { why, after },
        12 => Failure::Unimplemented(why),
        _ => Failure::Refused(why),
    }
}

/// Sorts an HTTP status by what it allows; `after` is the server's `Retry-After`.
pub(super) fn http(status: u16, why: String, after: Option<Duration>) -> Failure {
    match status {
        429 | 502 | 503 | 504 => Failure::Busy { why, after },
        404 | 405 | 501 => Failure::Unimplemented(why),
        _ => Failure::Refused(why),
    }
}

/// The wait before the next try, or `None` when it would end after what `remains` of the time limit.
///
/// Without a wish of the server: exponential backoff with full jitter, a random part of the grown wait
/// (<https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>). With one: at least that long, and a
/// random part of the first wait more, so that clients do not all come back in the same moment.
///
/// `failures` counts the failed tries so far, from 1; `jitter` is random, from 0 to 1.
pub(super) fn wait(
    retry: &Retry,
    failures: u32,
    asked: Option<Duration>,
    jitter: f64,
    remains: Duration,
) -> Option<Duration> {
    let wait = if let Some(asked) = asked.filter(|asked| !asked.is_zero()) {
        asked.saturating_add(retry.initial.mul_f64(jitter))
    } else {
        let exponent = i32::try_from(failures.saturating_sub(1)).unwrap_or(i32::MAX);
        let grown = retry.initial.as_secs_f64() * retry.multiplier.max(1.0).powi(exponent);
        let wait = grown.min(retry.max.as_secs_f64()) * jitter;
        Duration::try_from_secs_f64(wait).unwrap_or(Duration::MAX)
    };
    (wait < remains).then_some(wait)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn word(failure: &Failure) -> &'static str {
        match failure {
            Failure::Unconnected(_) | Failure::Silence(_) | Failure::Lost(_) => "no answer",
            Failure::Busy { .. } => "again",
            Failure::Refused(_) => "refused",
            Failure::Unimplemented(_) => "unimplemented",
        }
    }

    #[test]
    fn grpc_codes_are_retried_exactly_as_the_specification_lists_them() {
        let retried: Vec<u16> = (0..=16).filter(|code| word(&grpc(*code, String::new(), None)) == "again").collect();
        assert_eq!(retried, [1, 4, 10, 11, 14, 15]);
        assert_eq!(word(&grpc(8, String::new(), Some(SECOND))), "again");
        assert_eq!(word(&grpc(12, String::new(), None)), "unimplemented");
    }

    #[test]
    fn http_statuses_are_retried_exactly_as_the_specification_lists_them() {
        let all = 100..600;
        let by = |wanted| all.clone().filter(|s| word(&http(*s, String::new(), None)) == wanted).collect::<Vec<_>>();
        assert_eq!(by("again"), [429, 502, 503, 504]);
        assert_eq!(by("unimplemented"), [404, 405, 501]);
    }

    #[test]
    fn the_wait_grows_to_its_limit_takes_a_random_part_and_honours_the_server() {
        let retry = Retry { initial: SECOND, max: 4 * SECOND, multiplier: 2.0, total: 60 * SECOND };
        let after = |failures, asked, jitter, remains| wait(&retry, failures, asked, jitter, remains);
        for (failures, asked, jitter, remains, expected) in [
            (1, None, 1.0, 60, Some(1.0)),
            (2, None, 1.0, 60, Some(2.0)),
            (3, None, 0.5, 60, Some(2.0)),
            (9, None, 1.0, 60, Some(4.0)),
            (u32::MAX, None, 1.0, 60, Some(4.0)),
            (3, None, 0.0, 60, Some(0.0)),
            (1, Some(7), 0.5, 60, Some(7.5)),
            (1, Some(70), 0.0, 60, None),
            (2, Some(0), 1.0, 60, Some(2.0)),
            (3, None, 1.0, 3, None),
        ] {
            let wait = after(failures, asked.map(Duration::from_secs), jitter, Duration::from_secs(remains));
            assert_eq!(wait, expected.map(Duration::from_secs_f64), "{failures} {asked:?} {jitter} {remains}");
        }
    }

    #[test]
    fn settings_without_bounds_make_waits_without_end_and_no_panic() {
        let retry = Retry { initial: Duration::MAX, max: Duration::MAX, multiplier: f64::INFINITY, total: SECOND };
        for multiplier in [f64::INFINITY, f64::NAN, -1.0] {
            let retry = Retry { multiplier, ..retry.clone() };
            assert_eq!(wait(&retry, u32::MAX, None, 1.0, SECOND), None);
            assert_eq!(wait(&retry, 1, Some(Duration::MAX), 0.9, SECOND), None);
        }
    }
}
