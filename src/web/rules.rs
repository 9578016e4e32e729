//! Rules and alerts, as they were after their last evaluation.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::answer::{Answer, Refusal};
use super::desk::Desk;
use super::json::{date, scientific};
use super::params::Params;
use crate::history::Matcher;
use crate::model::Labels;
use crate::rules::{Active, GroupStatus, Health, Kind, RuleStatus, State, Template};

/// `alerts`: every alert that is pending or firing.
#[expect(clippy::unnecessary_wraps, reason = "the signature of every endpoint")]
pub(super) fn alerts(desk: &Desk, _: &Params) -> Result<Answer, Refusal> {
    let overview = desk.window.overview();
    let alerts: Vec<Value> = overview.alerts.iter().map(alert).collect();
    Ok(Answer::new(json!({ "alerts": alerts }).to_string()))
}

/// `rules`: every group with its rules.
pub(super) fn rules(desk: &Desk, params: &Params) -> Result<Answer, Refusal> {
    let (filter, page) = (Filter::of(params)?, Page::of(params)?);
    let overview = desk.window.overview();
    let (mut groups, mut next, mut begun) = (Vec::new(), None, page.token.is_empty());
    for group in overview.groups.iter() {
        begun = begun || token(group) == page.token;
        if !begun || !filter.accepts(group) {
            continue;
        }
        let rules: Vec<Value> = group.rules.iter().filter_map(|rule| filter.rule(rule)).collect();
        if rules.is_empty() {
            continue;
        }
        if page.groups.is_some_and(|most| groups.len() == most) {
            next = Some(token(group));
            break;
        }
        groups.push(shown(group, &rules));
    }
    if !begun {
        let why = format!("invalid group_next_token '{}'. were rule groups changed?", page.token);
        return Err(Refusal::parameter("group_next_token", why));
    }
    let mut data = json!({ "groups": groups });
    if let Some(next) = next {
        data["groupNextToken"] = next.into();
    }
    Ok(Answer::new(data.to_string()))
}

/// Which groups and rules are meant.
struct Filter<'p> {
    names: Vec<&'p str>,
    groups: Vec<&'p str>,
    files: Vec<&'p str>,
    labels: Vec<Vec<Matcher>>,
    kind: Option<Kind>,
    with_alerts: bool,
}

impl<'p> Filter<'p> {
    fn of(params: &'p Params) -> Result<Self, Refusal> {
        let kind = match params.get("type").to_lowercase().as_str() {
            "" => None,
            "alert" => Some(Kind::Alert),
            "record" => Some(Kind::Record),
            other => return Err(Refusal::parameter("type", format!("not supported value {other:?}"))),
        };
        let with_alerts = match params.get("exclude_alerts").to_lowercase().as_str() {
            "" | "0" | "f" | "false" => true,
            "1" | "t" | "true" => false,
            other => {
                let why = format!("strconv.ParseBool: parsing {other:?}: invalid syntax");
                return Err(Refusal::parameter("exclude_alerts", format!("error converting exclude_alerts: {why}")));
            }
        };
        Ok(Self {
            names: params.all("rule_name[]").collect(),
            groups: params.all("rule_group[]").collect(),
            files: params.all("file[]").collect(),
            labels: params.matchers().map_err(Refusal::bad_data)?,
            kind,
            with_alerts,
        })
    }

    fn accepts(&self, group: &GroupStatus) -> bool {
        let listed = |list: &[&str], item: &str| list.is_empty() || list.contains(&item);
        listed(&self.groups, &group.name) && listed(&self.files, &group.file)
    }

    /// A rule as it is shown, when it is meant.
    fn rule(&self, rule: &RuleStatus) -> Option<Value> {
        let spec = &rule.spec;
        let named = self.names.is_empty() || self.names.contains(&spec.name.as_str());
        let meant = named && self.kind.is_none_or(|kind| kind == spec.kind) && self.has_labels(&spec.labels);
        meant.then(|| shown_rule(rule, self.with_alerts))
    }

    /// Labels that depend on the alert match nothing, as in Prometheus.
    fn has_labels(&self, labels: &[(String, Template)]) -> bool {
        let fixed = labels.iter().filter(|(_, value)| !value.source().contains("{{"));
        let fixed = Labels::new(fixed.map(|(name, value)| (name.as_str(), value.source())));
        self.labels.is_empty() || self.labels.iter().any(|set| set.iter().all(|matcher| matcher.matches(&fixed)))
    }
}

/// Which part of a long list is meant.
struct Page<'p> {
    groups: Option<usize>,
    /// Names the first group; empty: from the beginning.
    token: &'p str,
}

impl<'p> Page<'p> {
    fn of(params: &'p Params) -> Result<Self, Refusal> {
        let (limit, token) = (params.get("group_limit"), params.get("group_next_token"));
        if limit.is_empty() {
            let why = "group_limit needs to be present in order to paginate over the groups";
            return if token.is_empty() {
                Ok(Self { groups: None, token })
            } else {
                Err(Refusal::parameter("group_next_token", why))
            };
        }
        let number: i32 = limit.parse().map_err(|_| {
            let why = format!("strconv.ParseInt: parsing {limit:?}: invalid syntax");
            Refusal::parameter("group_limit", format!("group_limit needs to be a valid number: {why}"))
        })?;
        match usize::try_from(number) {
            Ok(groups) if groups > 0 => Ok(Self { groups: Some(groups), token }),
            _ => Err(Refusal::parameter("group_limit", "group_limit needs to be greater than 0")),
        }
    }
}

/// Stands for a group on the way to the next page.
fn token(group: &GroupStatus) -> String {
    let identity = Labels::new([("file", group.file.as_str()), ("group", group.name.as_str())]);
    format!("{:016x}", identity.fingerprint())
}

fn shown(group: &GroupStatus, rules: &[Value]) -> Value {
    json!({
        "name": group.name,
        "file": group.file,
        "rules": rules,
        "interval": seconds(group.interval),
        "limit": group.limit,
        "evaluationTime": group.took.as_secs_f64(),
        "lastEvaluation": date(group.evaluated_at),
    })
}

fn shown_rule(rule: &RuleStatus, with_alerts: bool) -> Value {
    let spec = &rule.spec;
    let mut shown = json!({
        "name": spec.name,
        "query": spec.expr.to_string(),
        "labels": sources(&spec.labels),
        "health": rule.health.as_str(),
        "evaluationTime": Duration::as_secs_f64(&rule.took),
        "lastEvaluation": date(rule.evaluated_at),
    });
    if let Health::Bad(why) = &rule.health {
        shown["lastError"] = why.as_str().into();
    }
    if spec.kind == Kind::Record {
        shown["type"] = "recording".into();
        return shown;
    }
    shown["type"] = "alerting".into();
    // Prometheus' word for a rule that was not evaluated yet.
    let state = rule.evaluated_at.map_or("unknown", |_| rule.state.unwrap_or(State::Inactive).as_str());
    shown["state"] = state.into();
    shown["duration"] = seconds(spec.hold);
    shown["keepFiringFor"] = seconds(spec.keep_firing);
    shown["annotations"] = sources(&spec.annotations).into();
    shown["alerts"] = if with_alerts { rule.alerts.iter().map(alert).collect() } else { Value::Null };
    shown
}

fn alert(active: &Active) -> Value {
    let mut shown = json!({
        "labels": map(&active.labels),
        "annotations": map(&active.annotations),
        "state": active.state.as_str(),
        "activeAt": date(Some(active.active_at)),
        "value": scientific(active.value),
    });
    if let Some(since) = active.keep_firing_since {
        shown["keepFiringSince"] = date(Some(since)).into();
    }
    shown
}

/// Milliseconds as seconds, whole where they are.
fn seconds(milliseconds: i64) -> Value {
    if milliseconds % 1_000 == 0 { (milliseconds / 1_000).into() } else { (milliseconds as f64 / 1_000.0).into() }
}

fn map(labels: &Labels) -> Map<String, Value> {
    labels.iter().map(|(name, value)| (name.to_string(), Value::from(&**value))).collect()
}

/// Templates as they are written.
fn sources(templates: &[(String, Template)]) -> Map<String, Value> {
    templates.iter().map(|(name, template)| (name.clone(), Value::from(template.source()))).collect()
}
