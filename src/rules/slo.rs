//! Service level objectives in sloth's form (<https://sloth.dev/specs/default/>) as burn-rate rules: one alert for each
//! pair of windows, as chapter 5 of Google's SRE workbook has them.
//!
//! Recorded are the windows that the alerts need, up to three days: the thirty-day budget that sloth records besides is
//! for a Prometheus that keeps thirty days.

use std::collections::BTreeMap;

use super::code::quoted;
use super::file::Finding;
use crate::promql;
use crate::yaml::{self, Content, Fault, Node, Place, Reader, Section, locate};

/// A pair of windows: both must burn the budget so many times too fast.
struct Burn {
    short: &'static str,
    long: &'static str,
    factor: f64,
    page: bool,
}

/// For a period of thirty days, as sloth has them: 2 % of the budget in an hour, 5 % in six hours, 10 % in a day, 10 % in
/// three.
const BURNS: [Burn; 4] = [
    Burn { short: "5m", long: "1h", factor: 14.4, page: true },
    Burn { short: "30m", long: "6h", factor: 6.0, page: true },
    Burn { short: "2h", long: "1d", factor: 3.0, page: false },
    Burn { short: "6h", long: "3d", factor: 1.0, page: false },
];

/// All windows of the pairs, from short to long.
const WINDOWS: [&str; 7] = ["5m", "30m", "1h", "2h", "6h", "1d", "3d"];

const VERSION: &str = "prometheus/v1";

type Texts = BTreeMap<String, String>;

/// The rule file for the objectives of a file, whose name is for messages.
///
/// # Errors
/// The first mistake of the file, a query that does not parse included.
pub fn generate(file: &str, text: &str) -> Result<String, Finding> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let root = yaml::read(file, text, &yaml::Options::default(), None);
    let empty = || Fault::new(file, Place::START, "the file is empty; expected a version, a service and slos");
    let rules = root.and_then(|root| {
        let root = root.ok_or_else(empty)?;
        Source { reader: Reader { file, warnings: Vec::new() }, text }.root(&root)
    });
    rules.map_err(|fault| Finding::new(file, text, fault.place, "", fault.message))
}

struct Source<'n> {
    reader: Reader<'n>,
    text: &'n str,
}

/// What is common to all alerts of an objective.
struct Objective {
    id: String,
    /// The conditions on its series, as text.
    selector: String,
    /// The share that may fail.
    budget: f64,
}

/// Queries in pieces, between which the window stands.
struct Indicator {
    error: Vec<String>,
    /// `None` when the first is a ratio already.
    total: Option<Vec<String>>,
}

impl Indicator {
    /// The share that fails, of a window.
    fn ratio(&self, window: &str) -> String {
        match &self.total {
            Some(total) => format!("({}) / ({})", self.error.join(window), total.join(window)),
            None => format!("({})", self.error.join(window)),
        }
    }
}

impl<'n> Source<'n> {
    fn root(&self, root: &'n Node) -> Result<String, Fault> {
        let section = self.reader.section(root, &["version", "service", "labels", "slos"])?;
        section.required("version")?;
        let version = section.text("version")?.unwrap_or_default();
        if version != VERSION {
            return Err(section.invalid("version", version, VERSION));
        }
        let service = name(&section, "service")?;
        let labels = self.texts(&section, "labels")?;
        section.required("slos")?;
        let mut rules = String::from("groups:\n");
        for node in section.list("slos")? {
            rules.push_str(&self.objective(node, &service, &labels)?);
        }
        Ok(rules)
    }

    /// The groups of one objective.
    fn objective(&self, node: &'n Node, service: &str, labels: &Texts) -> Result<String, Fault> {
        let keys = ["name", "description", "objective", "labels", "sli", "alerting"];
        let section = self.reader.section(node, &keys)?;
        let slo = name(&section, "name")?;
        section.required("objective")?;
        let expected = "a percentage above 0 and below 100";
        let percentage = section.number("objective", expected)?.unwrap_or_default();
        if !(percentage > 0.0 && percentage < 100.0) {
            return Err(section.invalid("objective", &percentage.to_string(), expected));
        }
        let id = format!("{service}-{slo}");
        let own = [("sloth_id", id.as_str()), ("sloth_service", service), ("sloth_slo", slo.as_str())];
        let selector = own.map(|(name, value)| format!("{name}={}", quoted(value))).join(", ");
        let mut all = labels.clone();
        all.extend(self.texts(&section, "labels")?);
        all.extend(own.map(|(name, value)| (name.to_owned(), value.to_owned())));
        // Through decimal digits: a budget of 0.1 % is to be written as 0.001.
        let budget = format!("{:.12}", 1.0 - percentage / 100.0).parse().unwrap_or(0.0);
        let recordings = recordings(&id, &all, &self.indicator(&section)?);
        let alerts = self.alerts(&section, &Objective { id, selector, budget })?;
        Ok(recordings + &alerts)
    }

    fn indicator(&self, section: &Section<'n>) -> Result<Indicator, Fault> {
        let sli = self.reader.one(section.required("sli")?, "indicator", &["events", "raw"])?;
        if sli.key == "events" {
            let events = self.reader.section(&sli.value, &["error_query", "total_query"])?;
            let (error, total) = (self.query(&events, "error_query")?, self.query(&events, "total_query")?);
            return Ok(Indicator { error, total: Some(total) });
        }
        let raw = self.reader.section(&sli.value, &["error_ratio_query"])?;
        Ok(Indicator { error: self.query(&raw, "error_ratio_query")?, total: None })
    }

    /// A query in pieces, between which the window stands; checked with one.
    fn query(&self, section: &Section<'n>, key: &str) -> Result<Vec<String>, Fault> {
        const WINDOW: &str = "5m";
        let node = section.required(key)?;
        let query = section.text(key)?.unwrap_or_default();
        let (mut pieces, mut ends, mut rest) = (Vec::new(), Vec::new(), query);
        while let Some((before, after)) = rest.split_once("{{") {
            let at = query.len() - after.len() - 2;
            let inside = after.split_once("}}").filter(|(inside, _)| inside.trim_matches([' ', '-']) == ".window");
            let Some((_, after)) = inside else {
                return Err(section.error(locate(self.text, node, at), format!("{key}: expected {{{{.window}}}}")));
            };
            pieces.push(before.to_owned());
            ends.push(query.len() - after.len());
            rest = after;
        }
        pieces.push(rest.to_owned());
        if let Err(errors) = promql::parse(&pieces.join(WINDOW)) {
            let error = errors.first();
            // Back from the query with windows to the one with their place holders.
            let (mut offset, mut start) = (error.span.start, 0);
            for (piece, end) in pieces.iter().zip(&ends) {
                if error.span.start < start + piece.len() + WINDOW.len() {
                    break;
                }
                start += piece.len() + WINDOW.len();
                offset = error.span.start - start + end;
            }
            return Err(section.error(locate(self.text, node, offset), format!("{key}: {}", error.message)));
        }
        Ok(pieces)
    }

    fn alerts(&self, section: &Section<'n>, objective: &Objective) -> Result<String, Fault> {
        let keys = ["name", "labels", "annotations", "page_alert", "ticket_alert"];
        let Some(node) = section.get("alerting") else { return Ok(String::new()) };
        let alerting = self.reader.section(node, &keys)?;
        let name = alerting.text("name")?.unwrap_or(&objective.id);
        let common = (self.texts(&alerting, "labels")?, self.texts(&alerting, "annotations")?);
        let mut entries = Vec::new();
        for burn in &BURNS {
            let node = alerting.get(if burn.page { "page_alert" } else { "ticket_alert" });
            entries.extend(self.alert(node, name, objective, burn, common.clone())?);
        }
        Ok(if entries.is_empty() { String::new() } else { group("alerts", &objective.id, &entries) })
    }

    /// The alert of one pair of windows; `None` when it is switched off.
    fn alert(
        &self,
        node: Option<&'n Node>,
        name: &str,
        objective: &Objective,
        burn: &Burn,
        (mut labels, mut annotations): (Texts, Texts),
    ) -> Result<Option<String>, Fault> {
        let word = if burn.page { "page" } else { "ticket" };
        labels.insert("sloth_severity".to_owned(), word.to_owned());
        labels
            .entry("severity".to_owned())
            .or_insert_with(|| if burn.page { "critical" } else { "warning" }.to_owned());
        annotations
            .entry("summary".to_owned())
            .or_insert_with(|| format!("{} burns its error budget {} times too fast", objective.id, burn.factor));
        if let Some(node) = node {
            let section = self.reader.section(node, &["disable", "labels", "annotations"])?;
            if section.flag("disable")? == Some(true) {
                return Ok(None);
            }
            labels.extend(self.texts(&section, "labels")?);
            annotations.extend(self.texts(&section, "annotations")?);
        }
        // Two pairs that fire at once are two alerts.
        labels.insert("sloth_windows".to_owned(), format!("{}-{}", burn.short, burn.long));
        let bound = format!("({} * {})", burn.factor, objective.budget);
        let side = |window: &str| {
            let selector = &objective.selector;
            format!("max(slo:sli_error:ratio_rate{window}{{{selector}}} > {bound}) without (sloth_window)")
        };
        let expr = format!("{} and {}", side(burn.short), side(burn.long));
        Ok(Some(format!(
            "  - alert: {}\n    expr: {}\n    labels: {}\n    annotations: {}\n",
            quoted(name),
            quoted(&expr),
            mapping(&labels),
            mapping(&annotations)
        )))
    }

    fn texts(&self, section: &Section<'n>, key: &str) -> Result<Texts, Fault> {
        let Some(node) = section.get(key) else { return Ok(Texts::new()) };
        let inside = self.reader.any_section(node, "a mapping of names to texts")?;
        let text = |entry: &'n yaml::Entry| match &entry.value.content {
            Content::Scalar(_, text) => Ok((entry.key.clone(), text.clone())),
            _ => Err(inside.error(entry.value.place, format!("{key}: {}: expected a text", entry.key))),
        };
        inside.entries.iter().map(text).collect()
    }
}

fn recordings(id: &str, labels: &Texts, indicator: &Indicator) -> String {
    let entry = |window: &str| {
        let mut labels = labels.clone();
        labels.insert("sloth_window".to_owned(), window.to_owned());
        let (expr, labels) = (quoted(&indicator.ratio(window)), mapping(&labels));
        format!("  - record: slo:sli_error:ratio_rate{window}\n    expr: {expr}\n    labels: {labels}\n")
    };
    group("sli-recordings", id, &WINDOWS.map(entry))
}

fn group(what: &str, id: &str, entries: &[String]) -> String {
    let name = quoted(&format!("sloth-slo-{what}-{id}"));
    format!("- name: {name}\n  rules:\n{}", entries.concat())
}

fn mapping(texts: &Texts) -> String {
    let entries: Vec<String> =
        texts.iter().map(|(name, value)| format!("{}: {}", quoted(name), quoted(value))).collect();
    format!("{{{}}}", entries.join(", "))
}

/// A name that has to be there.
fn name(section: &Section<'_>, key: &str) -> Result<String, Fault> {
    section.required(key)?;
    match section.text(key)?.unwrap_or_default() {
        "" => Err(section.invalid(key, "", "a name")),
        name => Ok(name.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::file::{ReadOptions, parse};

    /// After the example of sloth's own introduction.
    const EXAMPLE: &str = r#"version: "prometheus/v1"
service: "myservice"
labels:
  owner: "myteam"
slos:
  - name: "requests-availability"
    objective: 99.9
    description: "Availability of the service"
    sli:
      events:
        error_query: sum(rate(http_requests_total{job="myservice",code=~"(5..|429)"}[{{.window}}]))
        total_query: sum(rate(http_requests_total{job="myservice"}[{{ .window }}]))
    alerting:
      name: MyServiceHighErrorRate
      labels:
        category: "availability"
      annotations:
        summary: "High error rate on 'myservice' requests responses"
      page_alert:
        labels:
          severity: emergency
      ticket_alert:
        disable: false
"#;

    #[test]
    fn an_objective_becomes_recordings_and_one_alert_for_each_pair_of_windows() {
        let file = parse("slo", &generate("s.yml", EXAMPLE).unwrap(), &ReadOptions::default());
        assert_eq!((file.errors, file.lints), (vec![], vec![]));
        let names: Vec<(&str, usize)> =
            file.groups.iter().map(|group| (group.name.as_str(), group.rules.len())).collect();
        let id = "myservice-requests-availability";
        let recordings = format!("sloth-slo-sli-recordings-{id}");
        let alerts = format!("sloth-slo-alerts-{id}");
        assert_eq!(names, [(recordings.as_str(), 7), (alerts.as_str(), 4)]);
        let labels = |at: usize| {
            let labels = file.groups[1].rules[at].labels.iter();
            labels.map(|(name, value)| format!("{name}={}", value.source())).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(labels(0), "category=availability severity=emergency sloth_severity=page sloth_windows=5m-1h");
        assert_eq!(labels(3), "category=availability severity=warning sloth_severity=ticket sloth_windows=6h-3d");
        let selector = format!("{{sloth_id=\"{id}\",sloth_service=\"myservice\",sloth_slo=\"requests-availability\"}}");
        assert_eq!(
            file.groups[1].rules[0].expr.to_string(),
            format!(
                "max without (sloth_window) (slo:sli_error:ratio_rate5m{selector} > (14.4 * 0.001)) \
                 and max without (sloth_window) (slo:sli_error:ratio_rate1h{selector} > (14.4 * 0.001))"
            )
        );
        assert_eq!(
            file.groups[0].rules[1].expr.to_string(),
            "(sum(rate(http_requests_total{code=~\"(5..|429)\",job=\"myservice\"}[30m]))) \
             / (sum(rate(http_requests_total{job=\"myservice\"}[30m])))"
        );
    }

    #[test]
    fn a_mistake_of_an_objective_is_found_at_its_place() {
        let cases = [
            (
                "objective: 99.9",
                "objective: 100",
                "7:16: objective: \"100\" is not valid; expected a percentage above 0",
            ),
            ("slos:", "sloes:", "5:1: key \"sloes\" is not known (did you mean \"slos\"?)"),
            (
                "prometheus/v1",
                "sloth.slok.dev/v1",
                "1:10: version: \"sloth.slok.dev/v1\" is not valid; expected prometheus/v1",
            ),
            ("{{ .window }}", "{{ .Window }}", "12:68: total_query: expected {{.window}}"),
            ("[{{ .window }}]))", "[{{ .window }}]", "12:82: total_query: unclosed left parenthesis"),
            (
                "sum(rate(http_requests_total{job=\"myservice\"}",
                "sum(rates(http_requests_total{job=\"myservice\"}",
                "12:26: total_query: unknown function",
            ),
            ("events:", "plugin:", "10:7: indicator \"plugin\" is not known; expected events, raw"),
        ];
        let mut different = Vec::new();
        for (from, to, expected) in cases {
            let error = generate("s.yml", &EXAMPLE.replacen(from, to, 1)).unwrap_err().to_string();
            if !error.starts_with(&format!("s.yml:{expected}")) {
                different.push(format!("{error}\n  expected {expected}"));
            }
        }
        assert!(different.is_empty(), "{}", different.join("\n"));
        assert!(generate("s.yml", "").unwrap_err().to_string().contains("the file is empty"));
    }
}
