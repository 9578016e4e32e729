use super::*;

const FILE: &str = r#"
global:
  resolve_timeout: 3m
  slack_api_url: https://hooks.slack.example/T/B/secret
  smtp_smarthost: mail.example.org:587
  smtp_from: alerts@example.org
  pagerduty_url: https://pd.example
route:
  receiver: team
  group_by: [alertname, service]
  repeat_interval: 12h
  routes:
    - matchers: ['severity="critical"']
      receiver: pager
      group_wait: 0s
      continue: true
    - match_re: {service: 'search|index'}
      receiver: search
      group_by: ['...']
      mute_time_intervals: [weekend]
      routes:
        - match: {severity: info}
          receiver: nobody
receivers:
  - name: team
    slack_configs: [{channel: '#alerts', title: 'own'}]
  - name: pager
    webhook_configs: [{url: 'https://pager.example/hook?token=secret', http_config: {authorization: {credentials: s3cret}}}]
    pagerduty_configs: [{routing_key: secret}]
  - name: search
    email_configs: [{to: search@example.org}]
  - name: nobody
inhibit_rules:
  - source_matchers: [severity="critical"]
    target_matchers: [severity=~"warning|info"]
    equal: [service]
time_intervals:
  - name: weekend
    time_intervals: [{weekdays: ['saturday', 'sunday']}]
"#;

fn labels(pairs: &[(&str, &str)]) -> Labels {
    Labels::new(pairs.iter().map(|(name, value)| (*name, *value)))
}

fn receivers(routing: &Routing, pairs: &[(&str, &str)]) -> Vec<String> {
    routing.routes(&labels(pairs)).iter().map(|route| route.receiver.clone()).collect()
}

#[test]
fn an_alert_comes_to_the_deepest_routes_that_accept_it() {
    let routing = Routing::parse("alertmanager.yml", FILE).unwrap();
    for (pairs, expected) in [
        (&[("severity", "warning")][..], &["team"][..]),
        (&[("severity", "critical")], &["pager"]),
        (&[("severity", "critical"), ("service", "search")], &["pager", "search"]),
        (&[("service", "search")], &["search"]),
        (&[("service", "searcher")], &["team"]),
        (&[("service", "index"), ("severity", "info")], &["nobody"]),
    ] {
        assert_eq!(receivers(&routing, pairs), expected, "{pairs:?}");
    }
}

#[test]
fn settings_are_inherited_and_groups_formed_by_them() {
    let routing = Routing::parse("alertmanager.yml", FILE).unwrap();
    let [pager, search] = &routing.route.routes[..] else { panic!("two routes") };
    assert_eq!(pager.group_wait, Duration::ZERO);
    assert_eq!((pager.repeat_interval, pager.group_interval), (Duration::from_secs(12 * 3600), Route::GROUP_INTERVAL));
    assert_eq!(pager.id, "{}/{severity=\"critical\"}/0");
    assert_eq!(search.routes[0].id, "{}/{service=~\"search|index\"}/1/{severity=\"info\"}/0");
    let alert = labels(&[("alertname", "Slow"), ("service", "search"), ("pod", "a")]);
    assert_eq!(pager.group(&alert), labels(&[("alertname", "Slow"), ("service", "search")]));
    assert_eq!(search.group(&alert), alert);
    assert_eq!(routing.resolve_timeout, Duration::from_secs(180));
}

#[test]
fn intervals_mute_and_other_alerts_inhibit() {
    let routing = Routing::parse("alertmanager.yml", FILE).unwrap();
    let saturday = Timestamp(1_795_262_400 * 1_000_000_000);
    let monday = saturday.plus(Duration::from_secs(2 * 86_400));
    let search = &routing.route.routes[1];
    assert!(routing.is_mute(search, saturday) && !routing.is_mute(search, monday));
    assert!(!routing.is_mute(&routing.route, saturday));

    let critical = labels(&[("severity", "critical"), ("service", "search")]);
    let firing = [critical.clone()];
    let inhibited = |pairs| routing.is_inhibited(&labels(pairs), &firing.iter());
    assert!(inhibited(&[("severity", "warning"), ("service", "search")]));
    assert!(!inhibited(&[("severity", "warning"), ("service", "index")]));
    assert!(!inhibited(&[("severity", "critical"), ("service", "search")]));
}

#[test]
fn what_is_not_done_here_is_a_warning_with_its_place_and_secrets_stay_secret() {
    let routing = Routing::parse("alertmanager.yml", FILE).unwrap();
    assert_eq!(
        routing.warnings,
        [
            "alertmanager.yml:7:3: pagerduty_url is not supported and has no effect",
            "alertmanager.yml:29:5: pagerduty_configs is not supported and has no effect",
        ]
    );
    let shown = format!("{routing:?}");
    assert!(!shown.contains("secret") && !shown.contains("s3cret"), "{shown}");
}

#[test]
fn what_alertmanager_refuses_is_refused_with_place_and_cure() {
    let receivers = "receivers: [{name: a}]\n";
    for (text, says) in [
        ("", "1:1: the file is empty"),
        ("receivers: [{name: a}]", "route is missing"),
        ("route: {receiver: b}\nreceivers: [{name: a}]", "1:19: receiver \"b\" is not defined"),
        ("route: {recever: a}", "did you mean \"receiver\"?"),
        ("route: {receiver: a, matchers: [x=y]}", "the root route takes every alert"),
        ("route: {receiver: a, continue: true}", "no route comes after the root"),
        ("route: {receiver: a, group_by: [x, '...']}", "either names of labels or ... alone"),
        ("route: {receiver: a, group_interval: 0s}", "longer than zero"),
        ("route: {receiver: a, group_wait: 1 minute}", "a duration such as"),
        ("route: {receiver: a, routes: [{matchers: ['x~y']}]}", "a matcher such as"),
        ("route: {receiver: a, routes: [{match_re: {x: '('}}]}", "a regular expression"),
        ("route: {receiver: a, routes: [{mute_time_intervals: [n]}]}", "time interval \"n\" is not defined"),
        ("route: {receiver: a}\nreceivers: [{name: a}, {name: a}]", "no other receiver has"),
        ("route: {receiver: a}\nreceivers: [{name: a, webhook_configs: [{}]}]", "url or url_file is missing"),
        (
            "route: {receiver: a}\nreceivers: [{name: a, webhook_configs: [{url: 'ftp://s3cret'}]}]",
            "\"***\" is not valid",
        ),
        ("route: {receiver: a}\nreceivers: [{name: a, email_configs: [{to: x@y}]}]", "smarthost is missing"),
        ("route: {receiver: a}\nreceivers: [{name: a, slack_configs: [{}]}]", "slack_api_url in global"),
    ] {
        let text =
            if text.contains("receivers") || text.is_empty() { text.to_owned() } else { format!("{receivers}{text}") };
        let error = Routing::parse("routes.yml", &text).unwrap_err().to_string();
        assert!(error.starts_with("routes.yml:") && error.contains(says), "{text}: {error}");
        assert!(!error.contains("s3cret"), "{error}");
    }
}

#[test]
fn mail_takes_from_global_what_it_does_not_say_itself() {
    let file = r"
global:
  smtp_smarthost: mail.example.org:587
  smtp_from: alerts@example.org
  smtp_hello: here.example.org
  smtp_auth_username: alerts
  smtp_auth_password: s3cret
  smtp_auth_identity: boss
  smtp_require_tls: false
  smtp_tls_config: {ca_file: ca.pem, server_name: mail}
route: {receiver: a}
receivers:
  - name: a
    email_configs:
      - to: a@example.org
      - to: b@example.org
        smarthost: '[::1]:465'
        from: other@example.org
        auth_password_file: /run/password
        require_tls: true
        force_implicit_tls: false
        tls_config: {ca_file: /other.pem, key_file: k}
        headers: {Subject: Alert, X-Team: search}
        threading: {enabled: true, thread_by_date: none}
        send_resolved: true
";
    let routing = Routing::parse("conf/routes.yml", file).unwrap();
    let [plain, own] = &routing.receivers[0].emails[..] else { panic!("two of them") };
    assert_eq!((plain.from.as_str(), plain.smarthost.as_str()), ("alerts@example.org", "mail.example.org:587"));
    assert_eq!((plain.hello.as_str(), plain.require_tls, plain.implicit_tls), ("here.example.org", false, None));
    assert_eq!(plain.ca_file.as_deref(), Some(std::path::Path::new("conf/ca.pem")));
    assert_eq!(
        (plain.server_name.as_deref(), plain.threading, plain.send_resolved),
        (Some("mail"), Threading::Off, false)
    );
    let login = plain.login.as_ref().unwrap();
    assert_eq!((login.username.as_str(), login.identity.as_str()), ("alerts", "boss"));
    assert_eq!((own.from.as_str(), own.smarthost.as_str()), ("other@example.org", "[::1]:465"));
    assert_eq!(own.login.as_ref().unwrap().password, Secret::File("/run/password".into()));
    assert_eq!((own.require_tls, own.implicit_tls, own.threading), (true, Some(false), Threading::Group));
    assert_eq!((own.headers.len(), own.send_resolved, own.server_name.as_deref()), (2, true, None));
    assert_eq!(routing.warnings, ["conf/routes.yml:22:43: key_file is not supported and has no effect"]);
    assert!(!format!("{routing:?}").contains("s3cret"));
}

#[test]
fn settings_of_mail_that_make_no_sense_are_refused() {
    for (settings, says) in [
        ("smarthost: mail.example.org", "host:port such as"),
        ("smarthost: 'x:1', from: a@b, headers: {\"X\\nBcc\": x}", "names of headers"),
        ("smarthost: 'x:1', from: a@b, headers: {Subject: x, subject: y}", "each header once"),
        ("smarthost: 'x:1', from: a@b, threading: {enabled: true}", "thread_by_date is missing"),
        ("smarthost: 'x:1', from: a@b, threading: {enabled: true, thread_by_date: weekly}", "daily or none"),
        (
            "smarthost: 'x:1', from: a@b, threading: {enabled: true, thread_by_date: none}, headers: {references: x}",
            "references is what threading sets",
        ),
        ("smarthost: 'x:1', from: a@b, auth_password: a, auth_password_file: b", "one of the two"),
        ("smarthost: 'x:1'", "from is missing here, and smtp_from in global"),
    ] {
        let text =
            format!("route: {{receiver: a}}\nreceivers: [{{name: a, email_configs: [{{to: x@y, {settings}}}]}}]");
        let error = Routing::parse("routes.yml", &text).unwrap_err().to_string();
        assert!(error.starts_with("routes.yml:2:") && error.contains(says), "{settings}: {error}");
    }
}
