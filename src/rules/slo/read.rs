//! From a file of objectives to objectives, each checked.

use super::{Alert, Indicator, Objective, Texts, VERSION};
use crate::promql;
use crate::yaml::{self, Content, Fault, Node, Place, Reader, Section, locate};

const FILE_KEYS: [&str; 5] = ["version", "service", "labels", "slo_plugins", "slos"];
const OBJECTIVE_KEYS: [&str; 7] = ["name", "description", "objective", "labels", "plugins", "sli", "alerting"];
const ALERTING_KEYS: [&str; 5] = ["name", "labels", "annotations", "page_alert", "ticket_alert"];
/// Stands for the window when a query is checked.
const WINDOW: &str = "5m";

/// The objectives of one document.
pub(super) fn objectives(file: &str, text: &str) -> Result<Vec<Objective>, Fault> {
    let root = yaml::read(file, text, &yaml::Options::default(), None)?;
    let Some(root) = root else {
        return Err(Fault::new(file, Place::START, "the file is empty; expected a version, a service and slos"));
    };
    Source { reader: Reader { file, warnings: Vec::new() }, text }.root(&root)
}

struct Source<'n> {
    reader: Reader<'n>,
    text: &'n str,
}

impl<'n> Source<'n> {
    fn root(&self, root: &'n Node) -> Result<Vec<Objective>, Fault> {
        let any = self.reader.any_section(root, "a version, a service and slos")?;
        if let Some(entry) = any.entries.iter().find(|entry| entry.key == "apiVersion") {
            let message = format!("an object of Kubernetes; expected its spec alone, with version: {VERSION}");
            return Err(self.reader.error(entry.place, message));
        }
        let section = self.reader.section(root, &FILE_KEYS)?;
        section.required("version")?;
        let version = section.text("version")?.unwrap_or_default();
        if version != VERSION {
            return Err(section.invalid("version", version, VERSION));
        }
        self.without_plugins(&section, "slo_plugins")?;
        let service = name(&section, "service")?;
        let labels = self.texts(&section, "labels")?;
        section.required("slos")?;
        section.list("slos")?.iter().map(|node| self.objective(node, &service, &labels)).collect()
    }

    fn objective(&self, node: &'n Node, service: &str, labels: &Texts) -> Result<Objective, Fault> {
        const EXPECTED: &str = "a percentage above 0 and below 100";
        let section = self.reader.section(node, &OBJECTIVE_KEYS)?;
        self.without_plugins(&section, "plugins")?;
        let slo = name(&section, "name")?;
        section.required("objective")?;
        let percentage = section.number("objective", EXPECTED)?.unwrap_or_default();
        if !(percentage > 0.0 && percentage < 100.0) {
            return Err(section.invalid("objective", &percentage.to_string(), EXPECTED));
        }
        let mut labels = labels.clone();
        labels.extend(self.texts(&section, "labels")?);
        let indicator = self.indicator(&section)?;
        let id = format!("{service}-{slo}");
        let alerts = match section.get("alerting") {
            Some(node) => self.alerting(node, &id)?,
            None => [Some(Alert::named(&id)), Some(Alert::named(&id))],
        };
        let place = node.place;
        Ok(Objective { place, id, service: service.to_owned(), name: slo, percentage, labels, indicator, alerts })
    }

    /// Plugins are programs in Go.
    fn without_plugins(&self, section: &Section<'n>, key: &str) -> Result<(), Fault> {
        let refused =
            |node: &Node| Err(self.reader.error(node.place, format!("{key}: sloth's plugins do not run here")));
        section.get(key).map_or(Ok(()), refused)
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
            let hint = error.hint.map(|name| format!(" (did you mean {name:?}?)")).unwrap_or_default();
            let place = locate(self.text, node, before_windows(&pieces, &ends, error.span.start));
            return Err(section.error(place, format!("{key}: {}{hint}", error.message)));
        }
        if ends.is_empty() {
            let message = format!("{key}: the query has no {{{{.window}}}}; expected it where a window stands");
            return Err(section.error(node.place, message));
        }
        Ok(pieces)
    }

    /// Pages and tickets; `None` of those that are switched off.
    fn alerting(&self, node: &'n Node, id: &str) -> Result<[Option<Alert>; 2], Fault> {
        let section = self.reader.section(node, &ALERTING_KEYS)?;
        let common = Alert {
            name: section.text("name")?.unwrap_or(id).to_owned(),
            labels: self.texts(&section, "labels")?,
            annotations: self.texts(&section, "annotations")?,
        };
        let one = |key: &str| match section.get(key) {
            Some(node) => self.alert(node, common.clone()),
            None => Ok(Some(common.clone())),
        };
        Ok([one("page_alert")?, one("ticket_alert")?])
    }

    fn alert(&self, node: &'n Node, mut alert: Alert) -> Result<Option<Alert>, Fault> {
        let section = self.reader.section(node, &["disable", "labels", "annotations"])?;
        alert.labels.extend(self.texts(&section, "labels")?);
        alert.annotations.extend(self.texts(&section, "annotations")?);
        Ok(if section.flag("disable")? == Some(true) { None } else { Some(alert) })
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

/// Back from an offset in the query with windows to the one with their place holders, which end at `ends`.
fn before_windows(pieces: &[String], ends: &[usize], at: usize) -> usize {
    let (mut offset, mut start) = (at, 0);
    for (piece, end) in pieces.iter().zip(ends) {
        if at < start + piece.len() + WINDOW.len() {
            break;
        }
        start += piece.len() + WINDOW.len();
        offset = at - start + end;
    }
    offset
}

/// A name that has to be there.
fn name(section: &Section<'_>, key: &str) -> Result<String, Fault> {
    section.required(key)?;
    match section.text(key)?.unwrap_or_default() {
        "" => Err(section.invalid(key, "", "a name")),
        name => Ok(name.to_owned()),
    }
}
