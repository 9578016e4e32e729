//! The file as a tree of routes with receivers.

use std::collections::BTreeMap;
use std::time::Duration;

use super::receivers::{self, Global};
use super::{GroupBy, InhibitRule, Route, Routing, intervals, matchers, templates};
use crate::model::{MatchOp, Matcher, parse_duration};
use crate::yaml::{self, Content, Fault, Node, Options, Place, Reader, Section};

const ROOT: [&str; 8] =
    ["global", "route", "receivers", "inhibit_rules", "time_intervals", "mute_time_intervals", "templates", "tracing"];
const ROUTE: [&str; 12] = [
    "receiver",
    "group_by",
    "match",
    "match_re",
    "matchers",
    "mute_time_intervals",
    "active_time_intervals",
    "continue",
    "routes",
    "group_wait",
    "group_interval",
    "repeat_interval",
];
const INHIBIT: [&str; 8] = [
    "name",
    "source_match",
    "source_match_re",
    "source_matchers",
    "target_match",
    "target_match_re",
    "target_matchers",
    "equal",
];

/// Routes within each other at most.
const DEPTH: usize = 32;

/// Where names were used that must exist: the name and its place.
type Uses = Vec<(String, Place)>;

pub(super) fn read(file: &str, text: &str) -> Result<Routing, Fault> {
    let options = Options { merge: true, ..Options::default() };
    let document = yaml::read(file, text, &options, None)?;
    let mut reader = Reader { file, warnings: Vec::new() };
    let Some(document) = &document else {
        return Err(reader.error(Place::START, "the file is empty; expected route and receivers"));
    };
    let root = reader.section(document, &ROOT)?;
    root.ignore(&mut reader, &["tracing"]);
    let library = templates::library(&mut reader, &root)?;
    let global = match root.get("global") {
        Some(node) => receivers::global(&mut reader, node)?,
        None => Global::default(),
    };
    let receivers = receivers::read(&mut reader, &root, &global, &library)?;
    let intervals = time_intervals(&reader, &root)?;
    let mut uses = Names::default();
    let route = tree(&reader, &root, &mut uses)?;
    uses.receivers.check(&reader, "receiver", |name| receivers.iter().any(|receiver| receiver.name == name))?;
    uses.intervals.check(&reader, "time interval", |name| intervals.contains_key(name))?;
    let inhibit_rules =
        sequence(&root, "inhibit_rules")?.iter().map(|node| inhibit(&reader, node)).collect::<Result<_, _>>()?;
    let resolve_timeout = global.resolve_timeout.unwrap_or(Routing::RESOLVE_TIMEOUT);
    Ok(Routing { route, receivers, inhibit_rules, resolve_timeout, intervals, warnings: reader.warnings })
}

/// Names that routes use.
#[derive(Default)]
struct Names {
    receivers: Uses,
    intervals: Uses,
}

trait Check {
    fn check(&self, reader: &Reader<'_>, what: &str, known: impl Fn(&str) -> bool) -> Result<(), Fault>;
}

impl Check for Uses {
    fn check(&self, reader: &Reader<'_>, what: &str, known: impl Fn(&str) -> bool) -> Result<(), Fault> {
        match self.iter().find(|(name, _)| !known(name)) {
            Some((name, place)) => Err(reader.error(*place, format!("{what} {name:?} is not defined in this file"))),
            None => Ok(()),
        }
    }
}

/// The entries of a list that may be empty or absent.
pub(super) fn sequence<'n>(section: &Section<'n>, key: &str) -> Result<&'n [Node], Fault> {
    match section.get(key).map(|node| (node.place, &node.content)) {
        None => Ok(&[]),
        Some((_, Content::Sequence(nodes))) => Ok(nodes),
        Some((place, _)) => Err(section.error(place, format!("{key}: expected a list"))),
    }
}

/// A duration in Prometheus' form.
pub(super) fn duration(section: &Section<'_>, key: &str) -> Result<Option<Duration>, Fault> {
    section.parsed(key, |text| {
        let milliseconds = parse_duration(text).ok().and_then(|milliseconds| u64::try_from(milliseconds).ok());
        milliseconds.map(Duration::from_millis).ok_or_else(|| "a duration such as 30s, 5m or 1h30m".into())
    })
}

fn positive(section: &Section<'_>, key: &str) -> Result<Option<Duration>, Fault> {
    match duration(section, key)? {
        Some(Duration::ZERO) => Err(section.invalid(key, "0s", "a duration longer than zero")),
        other => Ok(other),
    }
}

fn time_intervals<'n>(
    reader: &Reader<'n>,
    root: &Section<'n>,
) -> Result<BTreeMap<String, Vec<super::TimeInterval>>, Fault> {
    let mut found = BTreeMap::new();
    // The second key is the older name of the first one.
    for key in ["time_intervals", "mute_time_intervals"] {
        for node in sequence(root, key)? {
            let section = reader.section(node, &["name", "time_intervals"])?;
            let name = section.required("name").and_then(|_| section.text("name"))?.unwrap_or_default();
            let intervals = intervals::read(reader, sequence(&section, "time_intervals")?)?;
            if name.is_empty() || found.insert(name.to_owned(), intervals).is_some() {
                return Err(section.invalid("name", name, "a name that no other time interval has"));
            }
        }
    }
    Ok(found)
}

fn tree<'n>(reader: &Reader<'n>, root: &Section<'n>, uses: &mut Names) -> Result<Route, Fault> {
    let node = root.required("route")?;
    let section = reader.section(node, &ROUTE)?;
    let receiver = section.required("receiver").and_then(|_| section.text("receiver"))?.unwrap_or_default();
    for key in ["match", "match_re", "matchers"] {
        if let Some(node) = section.get(key) {
            return Err(
                reader.error(node.place, format!("{key}: the root route takes every alert and has no matchers"))
            );
        }
    }
    if section.flag("continue")? == Some(true) {
        return Err(reader.error(section.place, "continue: no route comes after the root"));
    }
    route(reader, node, &Branch { parent: &Route::root(receiver), at: 0, depth: 0 }, uses)
}

/// Where a route hangs in the tree.
struct Branch<'r> {
    /// Whose settings it inherits; for the root, the defaults.
    parent: &'r Route,
    /// Its position among its siblings.
    at: usize,
    /// 0 for the root.
    depth: usize,
}

fn route<'n>(reader: &Reader<'n>, node: &'n Node, branch: &Branch<'_>, uses: &mut Names) -> Result<Route, Fault> {
    if branch.depth > DEPTH {
        return Err(reader.error(node.place, format!("more than {DEPTH} routes within each other")));
    }
    let section = reader.section(node, &ROUTE)?;
    let parent = branch.parent;
    let matchers = conditions(reader, &section, "match", "match_re", "matchers")?;
    let id = match branch.depth {
        0 => parent.id.clone(),
        _ => format!("{}/{}/{}", parent.id, show(&matchers), branch.at),
    };
    let receiver = match section.text("receiver")? {
        Some(name) => {
            let place = section.present("receiver").map_or(section.place, |node| node.place);
            uses.receivers.push((name.to_owned(), place));
            name.to_owned()
        }
        None => parent.receiver.clone(),
    };
    let mut names = |key: &str| {
        let names = section.texts(key)?.unwrap_or_default();
        let place = section.present(key).map_or(section.place, |node| node.place);
        uses.intervals.extend(names.iter().map(|name| (name.clone(), place)));
        Ok::<_, Fault>(names)
    };
    let mut this = Route {
        receiver,
        group_by: group_by(&section)?.unwrap_or_else(|| parent.group_by.clone()),
        group_wait: duration(&section, "group_wait")?.unwrap_or(parent.group_wait),
        group_interval: positive(&section, "group_interval")?.unwrap_or(parent.group_interval),
        repeat_interval: positive(&section, "repeat_interval")?.unwrap_or(parent.repeat_interval),
        mute_time_intervals: names("mute_time_intervals")?,
        active_time_intervals: names("active_time_intervals")?,
        matchers,
        proceed: section.flag("continue")?.unwrap_or(false),
        routes: Vec::new(),
        id,
    };
    for (at, node) in sequence(&section, "routes")?.iter().enumerate() {
        let place = Branch { parent: &this, at, depth: branch.depth + 1 };
        let child = route(reader, node, &place, uses)?;
        this.routes.push(child);
    }
    Ok(this)
}

fn show(matchers: &[Matcher]) -> String {
    let sign = |op| match op {
        MatchOp::Equal => "=",
        MatchOp::NotEqual => "!=",
        MatchOp::Matches => "=~",
        MatchOp::NotMatches => "!~",
    };
    let mut all: Vec<String> = matchers
        .iter()
        .map(|matcher| format!("{}{}{:?}", matcher.name(), sign(matcher.op()), matcher.value()))
        .collect();
    all.sort();
    format!("{{{}}}", all.join(","))
}

fn group_by(section: &Section<'_>) -> Result<Option<GroupBy>, Fault> {
    let Some(names) = section.texts("group_by")? else { return Ok(None) };
    let all = names.iter().any(|name| name == "...");
    if all && names.len() > 1 {
        return Err(section.invalid("group_by", "...", "either names of labels or ... alone"));
    }
    if let Some(name) = names.iter().enumerate().find(|(at, name)| names[..*at].contains(name)) {
        return Err(section.invalid("group_by", name.1, "each label once"));
    }
    Ok(Some(if all { GroupBy::All } else { GroupBy::Labels(names) }))
}

/// All conditions of the three keys.
fn conditions<'n>(
    reader: &Reader<'n>,
    section: &Section<'n>,
    equal: &str,
    regex: &str,
    texts: &str,
) -> Result<Vec<Matcher>, Fault> {
    let mut all = Vec::new();
    for (key, op) in [(equal, MatchOp::Equal), (regex, MatchOp::Matches)] {
        let Some(node) = section.get(key) else { continue };
        let map = reader.any_section(node, "a mapping of labels to values")?;
        for entry in map.entries {
            let value = map.text(&entry.key)?.unwrap_or_default();
            let matcher = Matcher::new(entry.key.clone(), op, value);
            all.push(
                matcher.map_err(|error| map.invalid(&entry.key, value, &format!("a regular expression ({error})")))?,
            );
        }
    }
    for text in section.texts(texts)?.unwrap_or_default() {
        let place = section.present(texts).map_or(section.place, |node| node.place);
        all.extend(matchers::parse(&text).map_err(|why| reader.error(place, format!("{texts}: {why}")))?);
    }
    Ok(all)
}

fn inhibit<'n>(reader: &Reader<'n>, node: &'n Node) -> Result<InhibitRule, Fault> {
    let section = reader.section(node, &INHIBIT)?;
    Ok(InhibitRule {
        source: conditions(reader, &section, "source_match", "source_match_re", "source_matchers")?,
        target: conditions(reader, &section, "target_match", "target_match_re", "target_matchers")?,
        equal: section.texts("equal")?.unwrap_or_default(),
    })
}
