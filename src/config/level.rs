//! How much bellwether says about itself: the words for it, and the console directive they become.

use tracing_core::LevelFilter;

/// The words of `OTEL_LOG_LEVEL`. The specification names only `info`; these are what OpenTelemetry's SDKs accept.
pub(super) const WORDS: [(&str, LevelFilter); 10] = [
    ("none", LevelFilter::OFF),
    ("off", LevelFilter::OFF),
    ("fatal", LevelFilter::ERROR),
    ("error", LevelFilter::ERROR),
    ("warn", LevelFilter::WARN),
    ("warning", LevelFilter::WARN),
    ("info", LevelFilter::INFO),
    ("debug", LevelFilter::DEBUG),
    ("trace", LevelFilter::TRACE),
    ("all", LevelFilter::TRACE),
];

/// A severity of the configuration file: six words, each in four shades that make no difference here.
#[cfg(feature = "config-file")]
pub(super) fn severity(value: &str) -> Result<LevelFilter, super::parse::Expected> {
    const EXPECTED: super::parse::Expected =
        std::borrow::Cow::Borrowed("trace, debug, info, warn, error or fatal, each also with 2, 3 or 4 after it");
    match value.trim_end_matches(['2', '3', '4']) {
        word if value.len() - word.len() > 1 => None,
        "trace" => Some(LevelFilter::TRACE),
        "debug" => Some(LevelFilter::DEBUG),
        "info" => Some(LevelFilter::INFO),
        "warn" => Some(LevelFilter::WARN),
        "error" | "fatal" => Some(LevelFilter::ERROR),
        _ => None,
    }
    .ok_or(EXPECTED)
}

/// Adds the level of our own lines to the console's directives, unless these name us themselves.
pub(super) fn with_own_lines(directives: String, level: Option<LevelFilter>) -> String {
    let target = crate::internal::TARGET;
    let named = directives.split(',').any(|directive| {
        let name = directive.trim().split(['=', '[']).next().unwrap_or_default();
        name == target || name == env!("CARGO_PKG_NAME")
    });
    match level {
        Some(level) if !named => format!("{directives},{target}={level}"),
        _ => directives,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_level_of_our_own_lines_yields_to_a_directive_that_names_us() {
        let cases = [
            ("info", None, "info"),
            ("info", Some(LevelFilter::ERROR), "info,bellwether::telemetry=error"),
            ("warn,bellwether=debug", Some(LevelFilter::ERROR), "warn,bellwether=debug"),
            ("bellwether::telemetry=warn", Some(LevelFilter::ERROR), "bellwether::telemetry=warn"),
            ("bellwether_shop=debug", Some(LevelFilter::OFF), "bellwether_shop=debug,bellwether::telemetry=off"),
        ];
        for (directives, level, expected) in cases {
            assert_eq!(with_own_lines(directives.to_owned(), level), expected);
        }
    }
}
