//! Results of tests as JUnit's XML, as promtool writes them (`util/junitxml` of Prometheus): a suite a file.

use std::fmt::Write as _;

use super::unit::Tested;

/// The results of all files.
pub(super) fn document(files: &[Tested]) -> String {
    let suites: String = files.iter().map(suite).collect();
    format!("<testsuites>{suites}</testsuites>\n")
}

fn suite(file: &Tested) -> String {
    let failures: usize = file.cases.iter().map(|case| case.failures.len()).sum();
    // A file with a mistake has no case that could tell it.
    let aborted = usize::from(!file.errors.is_empty());
    let mut text = format!(
        "<testsuite name=\"{}\" tests=\"{}\" failures=\"{failures}\" errors=\"{aborted}\" skipped=\"0\" timestamp=\"{}\">",
        escaped(&file.name),
        file.cases.len() + aborted,
        file.timestamp,
    );
    let mut case = |name: &str, inside: &str| {
        let _infallible = write!(text, "<testcase name=\"{}\">{inside}</testcase>", escaped(name));
    };
    if let Some(first) = file.errors.first() {
        case("unknown", &format!("<error>{}</error>", escaped(&first.to_string())));
    }
    for one in &file.cases {
        let failures =
            one.failures.iter().map(|failure| format!("<failure>{}</failure>", escaped(&failure.to_string())));
        case(&one.name, &failures.collect::<String>());
    }
    text + "</testsuite>"
}

/// A text in XML. What XML cannot hold is the replacement character.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        match letter {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&#34;"),
            '\n' => escaped.push_str("&#xA;"),
            '\t' => escaped.push_str("&#x9;"),
            '\r' => escaped.push_str("&#xD;"),
            letter if letter.is_control() || matches!(letter, '\u{fffe}' | '\u{ffff}') => escaped.push('\u{fffd}'),
            letter => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::super::unit::Case;
    use super::*;
    use crate::rules::file::Finding;
    use crate::yaml::{Fault, Place};

    fn finding(message: &str) -> Finding {
        let fault = Fault::new("t.yml", Place { line: 3, column: 1 }, message);
        Finding { fault, about: String::new(), excerpt: String::new() }
    }

    fn tested(errors: Vec<Finding>, cases: Vec<Case>) -> Tested {
        let timestamp = String::from("2026-11-21T15:00:00");
        Tested { name: "t.yml".into(), timestamp, errors, warnings: Vec::new(), cases }
    }

    #[test]
    fn a_suite_counts_its_tests_and_failures() {
        let case = |name: &str, failures| Case { name: name.into(), failures, debug: String::new() };
        let cases = vec![case("good", vec![]), case("a < b", vec![finding("no"), finding("1 & \u{1}\n2")])];
        assert_eq!(
            document(&[tested(vec![], cases)]),
            "<testsuites><testsuite name=\"t.yml\" tests=\"2\" failures=\"2\" errors=\"0\" skipped=\"0\" \
             timestamp=\"2026-11-21T15:00:00\"><testcase name=\"good\"></testcase><testcase name=\"a &lt; b\">\
             <failure>t.yml:3:1: no</failure><failure>t.yml:3:1: 1 &amp; \u{fffd}&#xA;2</failure></testcase>\
             </testsuite></testsuites>\n"
        );
        let aborted = document(&[tested(vec![finding("bad")], vec![])]);
        assert!(aborted.contains("tests=\"1\" failures=\"0\" errors=\"1\""), "{aborted}");
        assert!(aborted.contains("<testcase name=\"unknown\"><error>t.yml:3:1: bad</error></testcase>"), "{aborted}");
    }
}
