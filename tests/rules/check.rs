//! The verdicts of `promtool check rules` (`promtool/README.md` of the data says what they mean).

use bellwether::rules::file::{ReadOptions, parse};

use crate::text;

#[test]
fn every_file_is_accepted_or_refused_as_by_promtool() {
    let (mut rows, mut different) = (0, Vec::new());
    for row in text("promtool/verdicts.tsv").lines().filter(|row| row.starts_with("check\t")) {
        let columns: Vec<&str> = row.split('\t').collect();
        let [_, flags, file, exit] = columns[..] else { panic!("{row}") };
        let ignore_unknown_fields = flags.contains("--ignore-unknown-fields");
        let options = ReadOptions { ignore_unknown_fields, ..ReadOptions::default() };
        let found = parse(file, &text(&format!("promtool/{file}")), &options);
        let lints = flags.contains("--lint-fatal") && !flags.contains("--lint=none") && !found.lints.is_empty();
        let refused = !found.errors.is_empty() || lints;
        if refused != (exit != "0") {
            different.push(format!("{row}: {:?} {:?}", found.errors, found.lints));
        }
        rows += 1;
    }
    assert!(rows >= 100, "{rows} rows only");
    assert!(different.is_empty(), "{}", different.join("\n"));
}

#[test]
fn the_mistakes_of_prometheus_own_files_are_found_at_their_places() {
    let first = |file: &str| {
        let found = parse(file, &text(&format!("promtool/{file}")), &ReadOptions::default());
        found.errors.first().expect("a mistake").to_string()
    };
    let shown = first("bad-rules-syntax.yml");
    let expected = "bad-rules-syntax.yml:7:22: group \"bad-syntax\", rule 1, \"x\": expr: unexpected end of input\n   \
                    7 |         expr: 'test +'\n     |                      ^";
    assert_eq!(shown, expected);
    let shown = first("rules-bad.yml");
    assert!(shown.contains("undefined variable \"$label\" (did you mean \"$labels\"?)"), "{shown}");
    assert!(shown.starts_with("rules-bad.yml:12:"), "{shown}");
}
