//! What a restart must find again: the alerts and where they stand.
//!
//! The file is JSON, written beside its place and then moved there, so that it is always whole; YAML contains JSON, and
//! so the reading is that of every other file.

use std::fmt::Write as _;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use opentelemetry::trace::TraceId;

use super::active::{Active, State};
use super::alerting::Alerting;
use super::config::Config;
use super::file::{Kind, RuleSpec};
use super::reach::longest;
use super::set::Rules;
use crate::model::Labels;
use crate::yaml::{self, Content, Fault, Node, Reader, Scalar, Section};

/// Version of the file's form.
const VERSION: i64 = 1;
/// Bytes of a state file at most.
const SIZE: u64 = 32 << 20;
/// Milliseconds after which the state of active alerts is written again although nothing has changed: its age is
/// taken for the length of an outage.
const REFRESH: i64 = 30_000;
/// What its messages call it.
const NAME: &str = "the state of the alerts";

/// What became of a state file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Restored {
    /// Alerts that go on where they stood.
    pub alerts: usize,
    /// Alerts whose rule is gone, or that the rules of [`Config::for_grace_period`] and [`Config::outage_tolerance`] let
    /// begin anew.
    pub dropped: usize,
    /// What was put in beside the alerts; empty when there was nothing.
    pub beside: String,
}

impl Rules {
    /// Whether the state is to be written at `now`: when it has changed, or there are alerts and the last time is long
    /// ago.
    pub fn save_due(&self, now: i64) -> bool {
        let active = || self.groups().iter().flat_map(super::Group::rules).any(|rule| rule.alerts().next().is_some());
        let old = self.saved_at.is_none_or(|at| now - at >= REFRESH);
        self.changed || (old && active())
    }

    /// The state as the text of a file, taken at `now`. `beside` is kept with it for somebody else.
    pub fn save(&mut self, now: i64, beside: &str) -> String {
        (self.changed, self.saved_at) = (false, Some(now));
        let mut text = format!("{{\"version\":{VERSION},\"saved_at\":{now},\"beside\":");
        quote(&mut text, beside);
        text.push_str(",\"rules\":[");
        let groups = self.groups().iter();
        let rules = groups.flat_map(|group| group.rules().iter().map(move |rule| (group, rule)));
        let mut comma = "\n";
        for (group, rule) in rules.filter(|(_, rule)| rule.alerts().next().is_some()) {
            text.push_str(comma);
            text.push_str("{\"file\":");
            quote(&mut text, group.file());
            text.push_str(",\"group\":");
            quote(&mut text, group.name());
            text.push_str(",\"alert\":");
            quote(&mut text, &rule.spec().name);
            text.push_str(",\"labels\":");
            let own = rule.spec().labels.iter().map(|(name, value)| (name.as_str(), value.source()));
            mapping(&mut text, own);
            text.push_str(",\"alerts\":[");
            for (at, active) in rule.alerts().enumerate() {
                text.push_str(if at > 0 { ",\n " } else { "\n " });
                alert(&mut text, active);
            }
            text.push_str("]}");
            comma = ",\n";
        }
        text.push_str("]}\n");
        text
    }

    /// Puts the alerts of a state into the rules that they belong to, at `now`. A firing alert goes on firing; a pending
    /// one waits for what was left of its `for`, at least for the grace period. Alerts that the expression does not give
    /// are kept until the window could have filled again.
    ///
    /// # Errors
    /// When the text is not the state of a version that is known here.
    pub fn restore(&mut self, text: &str, now: i64, config: &Config) -> Result<Restored, String> {
        let saved = read(text).map_err(|fault| fault.to_string())?;
        let mut restored = Restored { beside: saved.beside, ..Restored::default() };
        let too_old = now - saved.at > config.outage_tolerance;
        for saved_rule in saved.rules {
            let groups = self.groups.iter_mut().filter(|group| group.file() == saved_rule.file);
            let mut group = groups.filter(|group| group.name() == saved_rule.group);
            let found = group.find_map(|group| {
                let wait = 2 * group.interval(config);
                let fits = |rule: &RuleSpec| rule.kind == Kind::Alert && saved_rule.is_of(rule);
                let rule = group
                    .rules_mut()
                    .iter_mut()
                    .find(|rule| fits(rule.spec()) && rule.alerting.held_until.is_none())?;
                Some((rule, wait))
            });
            let Some((rule, wait)) = found.filter(|_| !too_old) else {
                restored.dropped += saved_rule.alerts.len();
                continue;
            };
            let hold = rule.spec().hold;
            let window = longest(&rule.spec().expr, config.promql.lookback_ms).min(config.outage_tolerance);
            let count = saved_rule.alerts.len();
            let alerts = saved_rule.alerts.into_iter().filter_map(|active| resume(active, saved.at, now, hold, config));
            let active = alerts.map(|active| (active.labels.clone(), active)).collect();
            rule.alerting = Alerting { active, held_until: Some(now + wait.max(window)) };
            restored.alerts += rule.alerting.active.len();
            restored.dropped += count - rule.alerting.active.len();
        }
        Ok(restored)
    }
}

/// An alert after an outage from `down` to `now` (`Group.RestoreForState` of Prometheus). `None`: it begins anew.
fn resume(mut active: Active, down: i64, now: i64, hold: i64, config: &Config) -> Option<Active> {
    if active.state != State::Pending {
        return Some(active);
    }
    if hold < config.for_grace_period {
        return None;
    }
    let left = hold - (down - active.active_at);
    if left > 0 && left < config.for_grace_period {
        active.active_at = now + config.for_grace_period - hold;
    } else if left > 0 {
        active.active_at += now - down;
    }
    Some(active)
}

/// A place for the state between two runs.
#[derive(Debug, Clone)]
pub struct StateFile {
    path: PathBuf,
}

impl StateFile {
    /// A state file; its folder must be there.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Restores what the file holds; nothing when there is none. A file that cannot be read or is broken is moved aside,
    /// to the same name with `.broken` behind it.
    ///
    /// # Errors
    /// What to warn about, in one line.
    pub fn load(&self, rules: &mut Rules, now: i64, config: &Config) -> Result<Restored, String> {
        let text = match self.read() {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Restored::default()),
            Err(error) => return Err(self.set_aside(&error.to_string())),
        };
        rules.restore(&text, now, config).map_err(|why| self.set_aside(&why))
    }

    /// Writes the state if that is due, with what is kept beside it: `beside` gives that, always or when it has changed.
    /// Returns whether it did.
    ///
    /// # Errors
    /// When the file cannot be written; the state stays due.
    pub fn store(&self, rules: &mut Rules, now: i64, beside: impl FnOnce(bool) -> Option<String>) -> io::Result<bool> {
        let due = rules.save_due(now);
        let Some(beside) = beside(due) else { return Ok(false) };
        let saved_at = rules.saved_at;
        let text = rules.save(now, &beside);
        let written = self.write(&text);
        if written.is_err() {
            (rules.changed, rules.saved_at) = (true, saved_at);
        }
        written.map(|()| true)
    }

    /// What was put in beside the alerts; `None` when the file is not there or not readable.
    pub fn beside(&self) -> Option<String> {
        read(&self.read().ok()?).ok().map(|saved| saved.beside)
    }

    fn read(&self) -> io::Result<String> {
        let mut text = String::new();
        let size = std::fs::File::open(&self.path)?.take(SIZE + 1).read_to_string(&mut text)?;
        if size as u64 > SIZE {
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("more than {SIZE} bytes")));
        }
        Ok(text)
    }

    /// Beside its place, to the disk, and then to its place: whoever stops this process finds one state or the other.
    fn write(&self, text: &str) -> io::Result<()> {
        let beside = with_suffix(&self.path, ".new");
        let mut file = std::fs::File::create(&beside)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&beside, &self.path)?;
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        // The name is on the disk when its folder is. Not every system can open one.
        folder.map_or(Ok(()), |folder| std::fs::File::open(folder).and_then(|folder| folder.sync_all()).or(Ok(())))
    }

    fn set_aside(&self, why: &str) -> String {
        let aside = with_suffix(&self.path, ".broken");
        let moved = match std::fs::rename(&self.path, &aside) {
            Ok(()) => format!("it was moved to {}", aside.display()),
            Err(error) => format!("it could not be moved aside ({error})"),
        };
        format!("{}: {why}; alerts begin anew, and {moved}", self.path.display())
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn alert(text: &mut String, active: &Active) {
    text.push_str("{\"labels\":");
    mapping(text, active.labels.iter().map(|(name, value)| (&**name, &**value)));
    text.push_str(",\"annotations\":");
    mapping(text, active.annotations.iter().map(|(name, value)| (&**name, &**value)));
    // As bits: there is no other way to write every number in JSON.
    let bits = active.value.to_bits();
    let times = [
        ("active_at", Some(active.active_at)),
        ("fired_at", active.fired_at),
        ("resolved_at", active.resolved_at),
        ("keep_firing_since", active.keep_firing_since),
        ("last_sent_at", active.last_sent_at),
    ];
    let times = times.iter().filter_map(|(name, time)| time.map(|time| format!(",\"{name}\":{time}")));
    let times: String = times.collect();
    text.extend([",\"value\":\"", &format!("{bits:016x}"), "\",\"state\":\"", active.state.as_str(), "\"", &times]);
    if !active.trace_ids.is_empty() {
        let ids: Vec<String> = active.trace_ids.iter().map(|id| format!("\"{id}\"")).collect();
        text.extend([",\"trace_ids\":[", &ids.join(","), "]"]);
    }
    text.push('}');
}

fn mapping<'t>(text: &mut String, entries: impl Iterator<Item = (&'t str, &'t str)>) {
    text.push('{');
    for (at, (name, value)) in entries.enumerate() {
        text.push_str(if at > 0 { "," } else { "" });
        quote(text, name);
        text.push(':');
        quote(text, value);
    }
    text.push('}');
}

fn quote(text: &mut String, inside: &str) {
    text.push('"');
    for letter in inside.chars() {
        match letter {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            // Everything that YAML takes for the end of a line or does not let stand.
            letter if letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}' | '\u{feff}') => {
                let written = write!(text, "\\u{:04x}", u32::from(letter));
                debug_assert!(written.is_ok(), "a text takes everything");
            }
            letter => text.push(letter),
        }
    }
    text.push('"');
}

/// A state file, read.
struct Saved {
    at: i64,
    beside: String,
    rules: Vec<SavedRule>,
}

struct SavedRule {
    file: String,
    group: String,
    alert: String,
    /// As templates.
    labels: Vec<(String, String)>,
    alerts: Vec<Active>,
}

impl SavedRule {
    fn is_of(&self, rule: &RuleSpec) -> bool {
        let labels = rule.labels.iter().map(|(name, value)| (name.as_str(), value.source()));
        self.alert == rule.name && labels.eq(self.labels.iter().map(|(name, value)| (name.as_str(), value.as_str())))
    }
}

fn read(text: &str) -> Result<Saved, Fault> {
    let options = yaml::Options { weight: 4_000_000, merge: false };
    let root = yaml::read(NAME, text, &options, None)?;
    let reader = Reader { file: NAME, warnings: Vec::new() };
    let empty = || Fault::new(NAME, yaml::Place::START, "the file is empty");
    let root = root.ok_or_else(empty)?;
    let section = reader.any_section(&root, "a mapping with a version")?;
    let version = time(&section, "version")?;
    if version != Some(VERSION) {
        return Err(section.error(section.place, format!("version {version:?} is not known; expected {VERSION}")));
    }
    let at = required_time(&section, "saved_at")?;
    let rules = nodes(&section, "rules")?.iter().map(|node| rule(&reader, node)).collect::<Result<_, _>>()?;
    let beside = section.text("beside")?.unwrap_or_default().to_owned();
    Ok(Saved { at, beside, rules })
}

fn rule<'n>(reader: &Reader<'n>, node: &'n Node) -> Result<SavedRule, Fault> {
    let section = reader.any_section(node, "a rule")?;
    Ok(SavedRule {
        file: text(&section, "file")?,
        group: text(&section, "group")?,
        alert: text(&section, "alert")?,
        labels: texts(reader, &section, "labels")?,
        alerts: nodes(&section, "alerts")?.iter().map(|node| active(reader, node)).collect::<Result<_, _>>()?,
    })
}

fn active<'n>(reader: &Reader<'n>, node: &'n Node) -> Result<Active, Fault> {
    let section = reader.any_section(node, "an alert")?;
    let wrong = |key: &str| section.error(section.place, format!("{key} is missing or not valid here"));
    // Files of earlier versions have none.
    let traces = section.texts("trace_ids")?.unwrap_or_default();
    Ok(Active {
        labels: Labels::new(texts(reader, &section, "labels")?),
        annotations: Labels::new(texts(reader, &section, "annotations")?),
        value: u64::from_str_radix(&text(&section, "value")?, 16).map(f64::from_bits).map_err(|_| wrong("value"))?,
        state: State::named(&text(&section, "state")?).ok_or_else(|| wrong("state"))?,
        active_at: required_time(&section, "active_at")?,
        fired_at: time(&section, "fired_at")?,
        resolved_at: time(&section, "resolved_at")?,
        keep_firing_since: time(&section, "keep_firing_since")?,
        last_sent_at: time(&section, "last_sent_at")?,
        trace_ids: traces.iter().filter_map(|id| TraceId::from_hex(id).ok()).collect(),
    })
}

fn nodes<'n>(section: &Section<'n>, key: &str) -> Result<&'n [Node], Fault> {
    let node = section.required(key)?;
    match &node.content {
        Content::Sequence(nodes) => Ok(nodes),
        _ => Err(section.error(node.place, format!("{key}: expected a list"))),
    }
}

fn text(section: &Section<'_>, key: &str) -> Result<String, Fault> {
    section.required(key)?;
    Ok(section.text(key)?.unwrap_or_default().to_owned())
}

fn texts<'n>(reader: &Reader<'n>, section: &Section<'n>, key: &str) -> Result<Vec<(String, String)>, Fault> {
    let entries = reader.any_section(section.required(key)?, "a mapping of texts")?;
    let pair =
        |entry: &'n yaml::Entry| Ok((entry.key.clone(), entries.text(&entry.key)?.unwrap_or_default().to_owned()));
    entries.entries.iter().map(pair).collect()
}

fn time(section: &Section<'_>, key: &str) -> Result<Option<i64>, Fault> {
    match section.get(key).map(|node| (node.place, &node.content)) {
        None => Ok(None),
        Some((_, Content::Scalar(Scalar::Int(time), _))) => Ok(Some(*time)),
        Some((place, _)) => Err(section.error(place, format!("{key}: expected a whole number"))),
    }
}

fn required_time(section: &Section<'_>, key: &str) -> Result<i64, Fault> {
    time(section, key)?.ok_or_else(|| section.error(section.place, format!("{key} is missing here")))
}
