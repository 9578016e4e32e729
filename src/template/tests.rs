use super::*;

fn expand(source: &str) -> Result<String, String> {
    let labels = Labels::new([("job", "search"), ("text", "{{ $value }} <b>")]);
    let many = |_: &str| {
        let series = |at: usize| (Labels::new([("at", at.to_string())]), SampleValue::Float(1.0));
        Ok((0..20_000).map(series).collect())
    };
    let context = Context { query: Some(&many), ..Context::default() };
    let template = Template::parse(source).map_err(|error| format!("{}: {}", error.offset, error.message))?;
    template.expand(&Data { labels: &labels, value: &SampleValue::Float(2.5) }, &context)
}

#[test]
fn what_a_label_holds_is_text_and_never_a_template() {
    assert_eq!(expand("{{ $labels.text }}").unwrap(), "{{ $value }} <b>");
    assert_eq!(expand("{{ printf $labels.text }}").unwrap(), "{{ $value }} <b>");
}

#[test]
fn no_template_takes_more_time_or_space_than_its_limits() {
    let double = "{{ $x := \"0123456789\" }}".to_owned() + &"{{ $x = print $x $x }}".repeat(30) + "{{ len $x }}";
    let nested_args = "{{ $x := 1 }}".to_owned() + &"{{ $x = args $x $x }}".repeat(40) + "{{ $x }}";
    let wide_args = "{{ $x := 1 }}".to_owned() + &"{{ $x = args $x $x $x $x $x $x $x $x }}".repeat(10) + "{{ $x }}";
    let cases = [
        ("{{ range 1000000000 }}{{ end }}", "too many steps"),
        ("{{ range 9000000000000000000 }}x{{ end }}", "too many steps"),
        ("{{ range 4000 }}0123456789012345678901234567890123456789{{ end }}", "the text is too long"),
        ("{{ range 3000 }}{{ printf \"%10000d\" 1 }}{{ end }}", "the text is too long"),
        ("{{ range query \"x\" }}.{{ end }}", "too many steps"),
        ("{{ query \"x\" }}", "the text is too long"),
        ("{{ range 20 }}{{ query \"x\" | len }}{{ end }}", "too many queries"),
        ("{{ define \"a\" }}{{ template \"a\" }}{{ end }}{{ template \"a\" }}", "too deep"),
        ("{{ define \"a\" }}{{ template \"a\" }}{{ template \"a\" }}{{ end }}{{ template \"a\" }}", "too deep"),
        ("{{ reReplaceAll \"\" (printf \"%10000d\" 1) (printf \"%10000d\" 1) }}", "the text is too long"),
        ("{{ reReplaceAll \"(((a{100}){100}){100}){100}\" \"\" \"a\" }}", "error parsing regexp"),
        ("{{ match \"(a|a)*$\" (printf \"%10000d\" 1) }}{{ 1 | len }}", "len of type int"),
        (&double, "the text is too long"),
        (&nested_args, "args within each other too deep"),
        (&wide_args, "the text is too long"),
    ];
    let found = cases.map(|(source, why)| (source, why, expand(source)));
    let different: Vec<_> = found
        .iter()
        .filter(|(_, why, found)| !found.as_ref().is_err_and(|error| error.contains(why)))
        .map(|(source, why, found)| (source, why, found.as_ref().map(String::len)))
        .collect();
    assert!(different.is_empty(), "{different:#?}");
    let deep = |open: &str, close: &str| format!("{{{{ {}1{} }}}}", open.repeat(100), close.repeat(100));
    assert!(expand(&deep("(", ")")).unwrap_err().contains("nested too deep"));
    let ifs = "{{ if 1 }}".repeat(100) + &"{{ end }}".repeat(100);
    assert!(expand(&ifs).unwrap_err().contains("nested too deep"));
    assert!(expand(&"x".repeat(SIZE + 1)).unwrap_err().contains("the text is too long"));
}

#[test]
fn a_mistake_is_found_at_its_byte() {
    let cases = [
        ("ab {{ nosuch }}", "6: function \"nosuch\" not defined"),
        ("{{ humanise 1 }}", "3: function \"humanise\" not defined (did you mean \"humanize\"?)"),
        ("{{ $lables.job }}", "3: undefined variable \"$lables\" (did you mean \"$labels\"?)"),
        ("a {{ if }}b{{ end }}", "8: missing value for if"),
        ("{{ 1 | 2 }}", "7: non executable command in pipeline stage 2"),
        ("{{ \"a\"\"b\" }}", "6: unexpected \"\\\"b\\\"\" in operand"),
        ("{{ ( 1 }}", "7: unclosed left paren"),
        ("{{ 1 ) }}", "5: unexpected right paren"),
        ("{{/* x }}", "2: unclosed comment; expected */"),
        ("{{ else }}", "3: unexpected {{else}}"),
        ("{{ if 1 }}{{ else }}{{ else }}{{ end }}", "23: expected {{end}}; found {{else}}"),
        ("{{ range $a, $b, $c := args }}{{ end }}", "15: too many declarations in range"),
        ("{{ 0x }}", "3: 0x is not a number of Go"),
        ("{{ print 1 | }}", "13: unexpected \"}}\" in command"),
        ("{{ 'ab' }}", "3: 'ab' is not a character of Go"),
        ("{{ # }}", "3: unrecognized character in action: '#'"),
    ];
    let found: Vec<_> = cases.iter().map(|(source, _)| expand(source).unwrap_err()).collect();
    let expected: Vec<_> = cases.iter().map(|(_, expected)| String::from(*expected)).collect();
    assert_eq!(found, expected);
}

#[test]
fn nothing_of_a_template_makes_reading_or_filling_in_panic() {
    let parts = [
        "{{",
        "}}",
        "-",
        " ",
        "\"",
        "`",
        "'",
        "\\",
        "(",
        ")",
        "$",
        ".",
        "|",
        ":=",
        "=",
        ",",
        "if",
        "end",
        "range",
        "1",
        "0x",
        "%",
        "é",
        "index",
        "slice",
        "printf",
        "$labels",
        "/*",
        "*/",
        "\"%[1]*d\"",
        "\"é\"",
        "9223372036854775807",
    ];
    let mut state = 7_u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap_or(0) % below
    };
    for _ in 0..20_000 {
        let inside: String =
            (0..random(9)).map(|_| parts[random(parts.len())].to_owned() + [" ", ""][random(2)]).collect();
        let source = if random(3) == 0 { inside } else { format!("{{{{ {inside} }}}}") };
        drop(expand(&source));
    }
}
