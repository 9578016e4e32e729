use super::*;

fn unescape(text: &str) -> String {
    text.replace("\\\\", "\0").replace("\\n", "\n").replace('\0', "\\")
}

#[test]
fn each_mistake_has_the_text_and_place_that_prometheus_gives_it() {
    let table = include_str!("../../../tests/data/promql_errors.tsv");
    let rows: Vec<&str> = table.lines().filter(|line| !line.starts_with('#')).collect();
    assert!(rows.len() > 200);
    for row in rows {
        let [experiments, query, error] = row.split('\t').collect::<Vec<_>>().try_into().unwrap();
        let experiments = if experiments == "all" { Experiments::ALL } else { Experiments::NONE };
        let query = unescape(query);
        let found = parse_with(&query, experiments).map(|expr| expr.to_string()).map_err(|error| error.to_string());
        assert_eq!(found, Err(unescape(error)), "{query}");
    }
}

#[test]
fn a_wrong_regular_expression_is_told_with_its_pattern() {
    let error = parse(r#"a{b=~"(c"}"#).unwrap_err();
    assert_eq!(error.to_string(), "1:3: parse error: error parsing regexp: unclosed group: `(c`");
}

#[test]
fn a_slip_in_a_functions_name_is_told_with_the_one_that_was_meant() {
    for (query, hint) in [("rat(x[5m])", Some("rate")), ("cuont(x)", Some("count")), ("frobnicate(x)", None)] {
        assert_eq!(parse(query).unwrap_err().first().hint, hint, "{query}");
    }
}

#[test]
fn what_an_experiment_adds_is_refused_without_it() {
    let cases = ["limitk(1, a)", "info(a)", "a[step()]", "a[5m] anchored", "a + fill(1) b", "mad_over_time(a[5m])"];
    for query in cases {
        assert!(parse(query).is_err(), "{query}");
        assert!(parse_with(query, Experiments::ALL).is_ok(), "{query}");
    }
}

#[test]
fn each_query_prints_as_prometheus_does() {
    let cases = [
        ("sum(a)by(b,\"c d\")", "sum by (b, \"c d\") (a)"),
        ("sum without()(a)", "sum without () (a)"),
        ("TOPK(5,a)", "topk(5, a)"),
        ("{b='c',__name__=~\"x\",}", "{__name__=~\"x\",b=\"c\"}"),
        ("{\"a.b\",'c d'!=`e\\n`}", "{\"c d\"!=\"e\\\\n\",__name__=\"a.b\"}"),
        ("-1 ^ 2 - -a", "-1 ^ 2 - -a"),
        ("a[90m:5m]@start()offset -1d", "a[1h30m:5m] @ start() offset -1d"),
        ("rate(a[300] @ 1.5)", "rate(a[5m] @ 1.500)"),
        ("a + on(b) group_left c", "a + on (b) group_left () c"),
        ("a + ignoring() c", "a + c"),
        ("a == bool 0x10", "a == bool 16"),
        ("5m + 1_000", "5m + 1000"),
        ("sum by (by, on, group_left) (fill)", "sum by (by, on, group_left) (fill)"),
        ("a + fill_right(-1) fill_left(1e6) b", "a + fill_left (1e+06) fill_right (-1) b"),
        ("a[(step()+1m)*2:max_of(1,2s)] offset -(range())", "a[(step() + 1m) * 2:max_of(1, 2s)] offset -(range())"),
        ("a[5m]smoothed @ 2 offset 1m", "a[5m] smoothed @ 2.000 offset 1m"),
        ("a # comment\n </ b", "a </ b"),
    ];
    for (query, printed) in cases {
        let printed_once =
            parse_with(query, Experiments::ALL).unwrap_or_else(|error| panic!("{query}: {error}")).to_string();
        assert_eq!(printed_once, printed, "{query}");
        assert_eq!(parse_with(printed, Experiments::ALL).unwrap().to_string(), printed);
    }
}

#[test]
fn a_node_knows_its_place() {
    let text = " sum by (job) ( rate(x{a=\"b\"}[5m] offset 1m) ) / 2 ";
    let Expr::Binary(division) = parse(text).unwrap() else { panic!("a division") };
    let Expr::Aggregate(sum) = &*division.lhs else { panic!("a sum") };
    let Expr::Call(rate) = &*sum.expr else { panic!("a call") };
    let Expr::Matrix(range) = &rate.args[0] else { panic!("a range") };
    let slice = |span: Span| &text[span.start..span.end];
    assert_eq!(slice(sum.span), "sum by (job) ( rate(x{a=\"b\"}[5m] offset 1m) )");
    assert_eq!(slice(rate.span), "rate(x{a=\"b\"}[5m] offset 1m)");
    assert_eq!(slice(range.span), "x{a=\"b\"}[5m] offset 1m");
    assert_eq!(slice(range.selector.span), "x{a=\"b\"}");
    assert_eq!(slice(division.rhs.span()), "2");
}

#[test]
fn what_is_nested_too_deep_is_an_error_and_no_crash() {
    let deep = |open: &str, inside: &str, close: &str, times: usize| {
        [open.repeat(times).as_str(), inside, close.repeat(times).as_str()].concat()
    };
    let cases = [
        ("(", "a", ")"),
        ("-", "a", ""),
        ("", "a", "+a"),
        ("a^", "a", ""),
        ("abs(", "a", ")"),
        ("sum(", "a", ")"),
        ("", "a", "[5m:]"),
        ("a[", "1", "+1"),
        ("a[1]+a[(", "1", ")"),
        ("a offset -", "1", ""),
        ("a offset (", "1", ""),
    ];
    for (open, inside, close) in cases {
        let error = parse_with(&deep(open, inside, close, 100_000), Experiments::ALL).unwrap_err().to_string();
        let nested = deep(open, inside, close, 20);
        assert!(error.contains("nested deeper than") || parse_with(&nested, Experiments::ALL).is_err(), "{error}");
    }
    // Up to the limit everything works, on a thread of the usual size.
    let chain = deep("", "a", " + a", MAX_DEPTH - 1);
    assert_eq!(parse(&chain).unwrap().to_string(), chain);
    assert!(parse(&deep("(", "a", ")", MAX_NESTING - 1)).is_ok());
    assert!(parse(&deep("abs(a + ", "a", ")", MAX_NESTING / 2 - 1)).is_ok());
    // Each chain is short, and together they are not.
    let chains = deep("(", "a", " + a + a + a + a)", MAX_NESTING - 1);
    assert!(parse(&chains).unwrap_err().to_string().contains("nested deeper"));
}

#[test]
fn what_is_too_long_is_not_read() {
    let error = parse(&" ".repeat(MAX_LENGTH + 1)).unwrap_err();
    assert_eq!(error.first().message, "query is longer than 1048576 bytes");
}
