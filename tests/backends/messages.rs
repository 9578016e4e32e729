//! The same alerts and the same `alertmanager.yml`, templates included, in Alertmanager and here: the same messages.

use std::time::Duration;

use serde_json::Value;

use crate::Result;
use crate::alertmanager::Alertmanager;
use crate::hook::Hook;
use crate::smtp::{MailServer, Mode, header};
use crate::told::Told;

/// What people build on Alertmanager's names.
const TEMPLATES: &str = r#"
{{ define "team.title" }}{{ template "slack.default.title" . }} for {{ .GroupLabels.team | title }}{{ end }}
{{ define "team.list" }}{{ range . }}
- {{ .Labels.op }}{{ with .Annotations.summary }}: {{ . }}{{ end }} since {{ .StartsAt | tz "Europe/Berlin" | date "15:04 MST" }}
{{- range .Labels.SortedPairs }} {{ .Name }}={{ .Value }}{{ end }}{{ end }}{{ end }}
{{ define "team.html" }}<h1>{{ template "team.title" . }}</h1>
{{ range .Alerts }}<p title="{{ .Labels.town }}"><a href="{{ .GeneratorURL }}">{{ .Labels.town }}</a>
{{ .Annotations.summary }} {{ .Fingerprint }} {{ .Status | toUpper }} {{ .EndsAt.IsZero }}</p>{{ end }}{{ end }}
"#;

/// The configuration of both, for their own receivers.
fn config(folder: &std::path::Path, mail: &MailServer, slack: &Hook) -> String {
    format!(
        r#"
global: {{smtp_smarthost: 'localhost:{}', smtp_from: alerts@example.org, smtp_require_tls: false, slack_api_url: '{}'}}
templates: ['{}/*.tmpl']
route: {{receiver: team, group_by: [alertname, team], group_wait: 1s, group_interval: 1s, repeat_interval: 1h}}
receivers:
  - name: team
    email_configs:
      - to: '{{{{ .GroupLabels.team }}}}@example.org'
        send_resolved: true
        html: '{{{{ template "team.html" . }}}}'
        text: 'Firing:{{{{ template "team.list" .Alerts.Firing }}}} Resolved:{{{{ template "team.list" .Alerts.Resolved }}}}'
        headers: {{X-Receiver: '{{{{ .Receiver }}}} {{{{ .Status }}}} {{{{ len .Alerts }}}}'}}
    slack_configs:
      - channel: '#{{{{ .CommonLabels.team | toLower }}}}'
        send_resolved: true
        username: '{{{{ template "slack.default.username" . }}}}'
        title: '{{{{ template "team.title" . }}}}'
        title_link: '{{{{ (index .Alerts 0).GeneratorURL }}}}'
        text: '{{{{ template "team.list" .Alerts }}}} {{{{ .CommonAnnotations.SortedPairs }}}}'
        color: '{{{{ template "slack.default.color" . }}}}'
        fallback: '{{{{ template "slack.default.title" . }}}}'
        footer: '{{{{ .CommonLabels.Names | join "," }}}}'
        fields: [{{title: Alerts, value: '{{{{ len .Alerts.Firing }}}} of {{{{ len .Alerts }}}}', short: true}}]
        mrkdwn_in: [text]
"#,
        mail.port,
        slack.url,
        folder.display(),
    )
}

/// What a mail says.
fn said(mail: &Value) -> Vec<&str> {
    let part = |kind: &str| mail["parts"][kind].as_str().unwrap_or_default().trim_end();
    let to = mail["to"][0].as_str().unwrap_or_default();
    vec![to, header(mail, "Subject").trim_end(), header(mail, "X-Receiver"), part("text/plain"), part("text/html")]
}

/// What a message for Slack says, wherever it stands.
fn shown(body: &Value) -> Vec<Value> {
    let attachment = &body["attachments"][0];
    let inside = ["title", "title_link", "text", "color", "fallback", "footer", "fields", "mrkdwn_in"];
    let outside = ["channel", "username"];
    inside.iter().map(|key| attachment[key].clone()).chain(outside.iter().map(|key| body[key].clone())).collect()
}

#[tokio::test]
async fn messages_by_templates_are_those_of_alertmanager() -> Result<()> {
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("team.tmpl"), TEMPLATES)?;
    let (their_mail, our_mail) = (MailServer::start(Mode::Plain, "").await?, MailServer::start(Mode::Plain, "").await?);
    let (their_slack, our_slack) = (Hook::start().await?, Hook::start().await?);
    let alertmanager = Alertmanager::with("alertmanager", &config(folder.path(), &their_mail, &their_slack)).await?;
    let mut ours = Told::by(&config(folder.path(), &our_mail, &our_slack))?;
    let mut theirs = Told::through(alertmanager.port)?;

    let valid = Duration::from_secs(60);
    let town = "Zürich \"x\" + 'y'";
    let first = ours.alert(&[("alertname", "Slow"), ("team", "Search"), ("op", "a"), ("town", town)], valid);
    let second = ours.alert(&[("alertname", "Slow"), ("team", "Search"), ("op", "b"), ("severity", "info")], valid);
    for count in 1..=3 {
        let news = match count {
            1 => vec![first.clone(), second.clone()],
            2 => vec![ours.ended(&second)],
            _ => vec![ours.ended(&first)],
        };
        ours.notifier.take(&news);
        theirs.notifier.take(&news);
        let counts = || {
            let mails = [their_mail.taken()?.len(), our_mail.taken()?.len()];
            Ok::<_, crate::Error>((mails, [their_slack.bodies().len(), our_slack.bodies().len()]))
        };
        let arrived = async || {
            let (mails, slacks) = counts()?;
            Ok(mails.into_iter().chain(slacks).all(|there| there >= count).then_some(()))
        };
        // Both work at the same time.
        let both = tokio::join!(ours.until("messages", &arrived), theirs.until("messages", &arrived));
        both.0.and(both.1).map_err(|error| {
            format!("{error}: {count}, there are {:?} of (theirs, ours)\n{}", counts(), alertmanager.log())
        })?;
        let (their_mail, our_mail) = (&their_mail.taken()?[count - 1], &our_mail.taken()?[count - 1]);
        assert_eq!(said(our_mail), said(their_mail), "mail {count}");
        assert_eq!(shown(&our_slack.bodies()[count - 1]), shown(&their_slack.bodies()[count - 1]), "Slack {count}");
    }
    assert!(said(&our_mail.taken()?[0])[1].starts_with("[FIRING:2] Slow Search"), "something was compared");
    Ok(())
}
