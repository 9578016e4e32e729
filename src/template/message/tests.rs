use super::*;

/// The data that the cases were made with.
fn data() -> Data<'static> {
    const BEGAN: u64 = 1_795_262_400_250_000_000;
    const MINUTE: u64 = 60_000_000_000;
    let alert =
        |zone: &str, annotations: &[(&str, &str)], starts_at, ends_at: Option<u64>, url: &str, fingerprint: &str| {
            Item {
                firing: ends_at.is_none(),
                labels: Labels::new([("alertname", "Slow"), ("zone", zone), ("severity", "critical"), ("age", "7")]),
                annotations: Labels::new(annotations.iter().copied()),
                starts_at,
                ends_at,
                generator_url: url.to_owned(),
                fingerprint: fingerprint.to_owned(),
                trace_ids: vec!["0af7".to_owned()],
            }
        };
    let (high, runbook) = (("summary", "p95 is <high>"), ("runbook", "https://r/x?a=1&b=2"));
    let link = "http://prom/graph?g0.expr=up > 1&g0.tab=1";
    Data {
        receiver: "team.a+b",
        status: "firing",
        reason: "new alerts in group",
        alerts: vec![
            alert("a<b>\"c'+&", &[high, runbook], BEGAN, None, link, "816fa96e43297001"),
            alert(
                "javascript:alert(1)",
                &[high],
                BEGAN - 90 * MINUTE,
                Some(BEGAN + MINUTE + 5_000_000_000),
                "",
                "90496e8e8848c33a",
            ),
        ],
        group_labels: Labels::new([("alertname", "Slow"), ("severity", "critical")]),
        common_labels: Labels::new([("alertname", "Slow"), ("severity", "critical"), ("age", "7")]),
        common_annotations: Labels::new([high]),
        external_url: "http://here:9093",
    }
}

fn fill(source: &str, form: Form) -> Result<String, String> {
    let template = MessageTemplate::parse(source, &Library::default(), form);
    template.map_err(|error| error.to_string())?.fill(data(), 1_795_262_500_250)
}

#[test]
fn every_template_gives_what_alertmanager_makes_of_it() {
    let cases = include_str!("cases.tsv").lines().filter(|line| !line.starts_with('#'));
    let mut different = Vec::new();
    let mut count = 0;
    for case in cases {
        let [form, source, expected] = case.split('\t').collect::<Vec<_>>()[..] else { panic!("{case}") };
        let text = |json: &str| serde_json::from_str::<String>(json).unwrap();
        let (source, expected) = (text(source), text(expected));
        let found = fill(&source, if form == "html" { Form::Html } else { Form::Text });
        let meant = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
        let same = match &found {
            // Go keeps the order of fields, and escapes what HTML would misread.
            Ok(found) if source.contains("toJson") => meant(found) == meant(&expected),
            Ok(found) => *found == expected,
            Err(_) => expected.starts_with("ERROR "),
        };
        count += 1;
        if !same {
            different.push(format!("{source}\n  expected {expected:?}\n  found    {found:?}"));
        }
    }
    assert!(count > 50, "{count} cases");
    assert!(different.is_empty(), "{} of {count}:\n{}", different.len(), different.join("\n"));
}

#[test]
fn time_is_that_of_the_message_and_traces_are_there() {
    let since =
        "{{ (index .Alerts 0).StartsAt | since | humanizeDuration }} {{ now.Unix }} {{ now | tz \"Asia/Tokyo\" }}";
    assert_eq!(fill(since, Form::Text).unwrap(), "1m 40s 1795262500 2026-11-21 21:01:40.25 +0900 JST");
    assert_eq!(fill("{{ index (index .Alerts 0).TraceIDs 0 }}", Form::Text).unwrap(), "0af7");
}

#[test]
fn what_a_file_defines_takes_the_place_of_what_was_there_and_knows_no_annotations() {
    let mut library = Library::default();
    library.add("{{ define \"__subject\" }}first{{ end }}").unwrap();
    let older = library.clone();
    library.add("{{ define \"__subject\" }}own {{ .Status }}{{ end }}").unwrap();
    let subject = |library: &Library| {
        let template = MessageTemplate::parse("{{ template \"email.default.subject\" . }}", library, Form::Text);
        template.unwrap().fill(data(), 0).unwrap()
    };
    assert_eq!((subject(&older), subject(&library)), ("first".to_owned(), "own firing".to_owned()));
    for (text, says) in [
        ("{{ query \"up\" }}", "function \"query\" not defined"),
        ("{{ $labels.x }}", "undefined variable \"$labels\""),
        ("{{ toUper .Status }}", "did you mean \"toUpper\"?"),
    ] {
        let error = library.add(text).unwrap_err();
        assert!(error.message.contains(says), "{text}: {error}");
    }
}

#[test]
fn no_message_takes_more_time_or_space_than_its_limits() {
    let double = "{{ $x := \"0123456789\" }}".to_owned() + &"{{ $x = print $x $x }}".repeat(30) + "{{ len $x }}";
    let lists = "{{ $x := list 1 }}".to_owned() + &"{{ $x = list $x $x }}".repeat(40) + "{{ $x }}";
    for (source, says) in [
        (
            "{{ range list 1 }}{{ template \"a\" . }}{{ end }}{{ define \"a\" }}{{ template \"a\" . }}{{ end }}",
            "too deep",
        ),
        (&*double, "too long"),
        (&*lists, "too deep"),
        ("{{ (index .Alerts 0).StartsAt | tz \"../../etc/passwd\" }}", "unknown time zone"),
        ("{{ (index .Alerts 0).StartsAt | tz \"Local\" }}", "is not asked for"),
    ] {
        let error = fill(source, Form::Html).unwrap_err();
        assert!(error.contains(says), "{source}: {error}");
    }
    let wide = "{{ range .Alerts }}".repeat(30) + "0123456789" + &"{{ end }}".repeat(30);
    assert!(fill(&wide, Form::Text).is_err());
    assert!(MessageTemplate::parse(&"x".repeat(SIZE + 1), &Library::default(), Form::Text).is_err());
}
