//! Groups of alerts, and when they are told. Pure: alerts and time in, notifications out.
//!
//! Follows Alertmanager's dispatcher and its deduplication: a group waits `group_wait` for more alerts, is looked at
//! every `group_interval` from then on, and is told when there is news for the channel, or the `repeat_interval` is over.
//! What a channel was told is noted only after it took the message, so that a message that failed is made again.
//!
//! One thing differs: an alert that ends while its route is mute is kept until its end can be told.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::notification::{Notification, Reason};
use super::routing::{Route, Routing};
use super::saved::{SavedEntry, SavedGroup};
use crate::clock::Timestamp;
use crate::model::{Alert, Labels};

/// Names a channel of a receiver: its position among all channels.
pub(super) type ChannelId = usize;

/// A channel, as far as grouping cares.
#[derive(Debug, Clone)]
pub(super) struct Outlet {
    pub(super) receiver: String,
    /// The channel's name.
    pub(super) name: String,
    /// Whether the end of an alert is told.
    pub(super) send_resolved: bool,
}

/// A notification that is to be sent now.
#[derive(Debug)]
pub(super) struct Due {
    pub(super) channel: ChannelId,
    pub(super) notification: Notification,
    /// How long sending may take: until the group is looked at again.
    pub(super) limit: Duration,
    pub(super) told: Told,
}

/// What the channel knows once it took a notification. To be given back to [`Dispatcher::delivered`] or
/// [`Dispatcher::failed`].
#[derive(Debug)]
pub(super) struct Told {
    group: GroupKey,
    channel: ChannelId,
    entry: Entry,
}

impl Told {
    pub(super) fn channel(&self) -> ChannelId {
        self.channel
    }
}

/// A route and the labels of the group.
type GroupKey = (String, Labels);

#[derive(Debug, Clone)]
struct Entry {
    firing: BTreeSet<Labels>,
    resolved: BTreeSet<Labels>,
    time: Timestamp,
}

#[derive(Debug)]
struct Group {
    alerts: BTreeMap<Labels, Alert>,
    next: Timestamp,
    /// Whether it was looked at before.
    looked_at: bool,
    /// What each channel was told last.
    told: BTreeMap<ChannelId, Entry>,
    /// Channels that are being told.
    busy: BTreeSet<ChannelId>,
}

/// All groups.
#[derive(Debug)]
pub(super) struct Dispatcher {
    routing: Routing,
    outlets: Vec<Outlet>,
    groups: BTreeMap<GroupKey, Group>,
    /// Alerts in all groups at most.
    alert_limit: usize,
    /// Whether something changed that a restart must find again.
    pub(super) changed: bool,
}

impl Dispatcher {
    pub(super) fn new(routing: Routing, outlets: Vec<Outlet>, alert_limit: usize) -> Self {
        Self { routing, outlets, groups: BTreeMap::new(), alert_limit, changed: false }
    }

    /// Takes news of alerts. Returns how many were refused for want of room.
    pub(super) fn take(&mut self, alerts: &[Alert], now: Timestamp) -> usize {
        let mut refused = 0;
        let mut held: usize = self.groups.values().map(|group| group.alerts.len()).sum();
        for alert in alerts {
            for route in self.routing.routes(&alert.labels) {
                let key = (route.id.clone(), route.group(&alert.labels));
                let known = self.groups.get(&key).is_some_and(|group| group.alerts.contains_key(&alert.labels));
                if !known && !alert.is_firing(now) {
                    // Nobody was told that it began.
                    continue;
                }
                if !known && held >= self.alert_limit {
                    refused += 1;
                    continue;
                }
                held += usize::from(!known);
                self.changed = true;
                let first_look = alert.starts_at.plus(route.group_wait).max(now).min(now.plus(route.group_wait));
                let group = self.groups.entry(key).or_insert_with(|| Group {
                    alerts: BTreeMap::new(),
                    next: first_look,
                    looked_at: false,
                    told: BTreeMap::new(),
                    busy: BTreeSet::new(),
                });
                group.alerts.insert(alert.labels.clone(), alert.clone());
            }
        }
        refused
    }

    /// The labels of all alerts that fire.
    fn firing(&self, now: Timestamp) -> BTreeSet<Labels> {
        let all = self.groups.values().flat_map(|group| group.alerts.values());
        all.filter(|alert| fires(alert, now)).map(|alert| alert.labels.clone()).collect()
    }

    /// What is to be told now. With `all`, what is not due yet as well: before the end.
    pub(super) fn due(&mut self, now: Timestamp, all: bool) -> Vec<Due> {
        if !all && self.groups.values().all(|group| group.next > now) {
            return Vec::new();
        }
        let firing = if self.routing.inhibit_rules.is_empty() { BTreeSet::new() } else { self.firing(now) };
        let routes = flatten(&self.routing.route);
        let mut due = Vec::new();
        for (key, group) in &mut self.groups {
            let Some(route) = routes.get(key.0.as_str()) else { continue };
            if !all && group.next > now {
                continue;
            }
            group.next = now.plus(route.group_interval);
            group.looked_at = true;
            if self.routing.is_mute(route, now) {
                continue;
            }
            let heard = |alert: &&Alert| !self.routing.is_inhibited(&alert.labels, &firing.iter());
            let alerts: Vec<Alert> = group.alerts.values().filter(heard).map(|alert| settled(alert, now)).collect();
            for (channel, outlet) in self.outlets.iter().enumerate() {
                if outlet.receiver == route.receiver && !group.busy.contains(&channel) {
                    due.extend(group.tell(key, route, (channel, outlet), &alerts, now));
                }
            }
        }
        self.prune(now);
        due
    }

    /// A channel took a notification.
    pub(super) fn delivered(&mut self, told: Told, now: Timestamp) {
        if let Some(group) = self.groups.get_mut(&told.group) {
            group.busy.remove(&told.channel);
            group.told.insert(told.channel, told.entry);
        }
        self.changed = true;
        self.prune(now);
    }

    /// A channel did not take a notification: it will be made again when the group is looked at next.
    pub(super) fn failed(&mut self, told: &Told) {
        if let Some(group) = self.groups.get_mut(&told.group) {
            group.busy.remove(&told.channel);
        }
    }

    /// Forgets alerts that ended and whose beginning no channel remembers, and groups that are empty.
    fn prune(&mut self, now: Timestamp) {
        self.groups.retain(|_, group| {
            let Group { alerts, told, busy, looked_at, .. } = group;
            let remembered =
                |labels: &Labels| told.values().any(|entry| entry.firing.contains(labels)) || !busy.is_empty();
            // An alert that came and went before the first look is forgotten at that look.
            alerts.retain(|labels, alert| fires(alert, now) || !*looked_at || remembered(labels));
            !alerts.is_empty() || !busy.is_empty()
        });
    }

    /// All groups, as a restart must find them again.
    pub(super) fn save(&mut self) -> Vec<SavedGroup> {
        self.changed = false;
        let entry = |(channel, entry): (&ChannelId, &Entry)| {
            let outlet = self.outlets.get(*channel)?;
            Some(SavedEntry {
                receiver: outlet.receiver.clone(),
                channel: outlet.name.clone(),
                firing: entry.firing.iter().cloned().collect(),
                resolved: entry.resolved.iter().cloned().collect(),
                time: entry.time,
            })
        };
        let group = |((route, labels), group): (&GroupKey, &Group)| SavedGroup {
            route: route.clone(),
            labels: labels.clone(),
            looked_at: group.looked_at,
            next: group.next,
            alerts: group.alerts.values().cloned().collect(),
            told: group.told.iter().filter_map(entry).collect(),
        };
        self.groups.iter().map(group).collect()
    }

    /// Goes on with the groups of an earlier run, as far as their routes and channels are still there.
    pub(super) fn restore(&mut self, groups: Vec<SavedGroup>) {
        let routes = flatten(&self.routing.route);
        for saved in groups {
            let Some(route) = routes.get(saved.route.as_str()) else { continue };
            let fitting = saved.alerts.into_iter().filter(|alert| route.group(&alert.labels) == saved.labels);
            let alerts: BTreeMap<Labels, Alert> = fitting.map(|alert| (alert.labels.clone(), alert)).collect();
            let mut told: BTreeMap<ChannelId, Entry> = BTreeMap::new();
            for entry in saved.told {
                // Of channels with one name the first that is left.
                let is_it = |(channel, outlet): &(ChannelId, &Outlet)| {
                    outlet.receiver == entry.receiver && outlet.name == entry.channel && !told.contains_key(channel)
                };
                let channel = self.outlets.iter().enumerate().find(is_it).map(|(channel, _)| channel);
                let (firing, resolved) = (entry.firing.into_iter().collect(), entry.resolved.into_iter().collect());
                told.extend(channel.map(|channel| (channel, Entry { firing, resolved, time: entry.time })));
            }
            let busy = BTreeSet::new();
            let group = Group { alerts, next: saved.next, looked_at: saved.looked_at, told, busy };
            self.groups.insert((saved.route, saved.labels), group);
        }
    }

    /// How many alerts there are in all groups.
    #[cfg(test)]
    fn len(&self) -> usize {
        self.groups.values().map(|group| group.alerts.len()).sum()
    }
}

impl Group {
    /// The notification for one channel, if there is news for it.
    fn tell(
        &mut self,
        key: &GroupKey,
        route: &Route,
        (channel, outlet): (ChannelId, &Outlet),
        alerts: &[Alert],
        now: Timestamp,
    ) -> Option<Due> {
        let part = |firing: bool| {
            let of = alerts.iter().filter(move |alert| alert.is_firing(now) == firing);
            of.map(|alert| alert.labels.clone()).collect::<BTreeSet<_>>()
        };
        let entry = Entry { firing: part(true), resolved: part(false), time: now };
        let reason = reason(self.told.get(&channel), &entry, outlet.send_resolved, route.repeat_interval)?;
        if !outlet.send_resolved && entry.firing.is_empty() {
            // Nothing to say, and what was said does not hold any more.
            self.told.insert(channel, entry);
            return None;
        }
        let mut alerts: Vec<Alert> =
            alerts.iter().filter(|alert| outlet.send_resolved || alert.is_firing(now)).cloned().collect();
        alerts.sort_by_key(|alert| (!alert.is_firing(now), alert.starts_at));
        self.busy.insert(channel);
        Some(Due {
            channel,
            limit: route.group_interval.max(SHORTEST_LIMIT),
            notification: Notification {
                receiver: outlet.receiver.clone(),
                group_key: format!("{}:{}", key.0, key.1),
                group_labels: key.1.clone(),
                alerts,
                reason,
                time: now,
                suppressed: 0,
            },
            told: Told { group: key.clone(), channel, entry },
        })
    }
}

/// Sending may take this long even when the group is looked at more often, as in Alertmanager.
const SHORTEST_LIMIT: Duration = Duration::from_secs(10);

/// Whether there is news for a channel: Alertmanager's rule.
fn reason(told: Option<&Entry>, now: &Entry, send_resolved: bool, repeat: Duration) -> Option<Reason> {
    let Some(told) = told else { return (!now.firing.is_empty()).then_some(Reason::First) };
    if !now.firing.is_subset(&told.firing) {
        return Some(if told.firing.is_empty() { Reason::First } else { Reason::NewAlerts });
    }
    if now.firing.is_empty() {
        // What fired and ended between two looks was never told.
        let ended = now.resolved.iter().any(|labels| told.firing.contains(labels));
        return ended.then_some(Reason::AllResolved);
    }
    // Only those that the channel was told about are news to it.
    let news = now.resolved.iter().any(|labels| told.firing.contains(labels) && !told.resolved.contains(labels));
    if send_resolved && news {
        return Some(Reason::NewResolved);
    }
    (now.time.since(told.time) >= repeat).then_some(Reason::Repeat)
}

/// Whether an alert fires, and was heard of recently enough.
fn fires(alert: &Alert, now: Timestamp) -> bool {
    alert.is_firing(now) && alert.valid_until > now
}

/// The alert as it is told: one that nothing was heard of for too long has ended.
fn settled(alert: &Alert, now: Timestamp) -> Alert {
    let mut alert = alert.clone();
    if alert.is_firing(now) && alert.valid_until <= now {
        alert.resolved_at = Some(alert.valid_until);
    }
    alert
}

/// All routes by their names.
fn flatten(route: &Route) -> BTreeMap<&str, &Route> {
    let mut all = BTreeMap::new();
    let mut waiting = vec![route];
    while let Some(route) = waiting.pop() {
        waiting.extend(&route.routes);
        all.insert(route.id.as_str(), route);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{alert, minutes};
    use super::*;

    const FILE: &str = "
route: {receiver: team, group_by: [alertname], group_wait: 1m, group_interval: 5m, repeat_interval: 1h}
receivers: [{name: team}]
inhibit_rules: [{source_matchers: [severity=critical], target_matchers: [severity=info], equal: [op]}]
";

    fn dispatcher(send_resolved: bool) -> Dispatcher {
        let outlet = Outlet { receiver: "team".to_owned(), name: "x".to_owned(), send_resolved };
        Dispatcher::new(Routing::parse("routes.yml", FILE).unwrap(), vec![outlet], 100)
    }

    fn slow(op: &str, began: u64, ended: Option<u64>) -> Alert {
        alert(&[("alertname", "Slow"), ("op", op)], began, ended)
    }

    /// Looks every minute and lets every message through; what was told at which minute.
    fn run(dispatcher: &mut Dispatcher, until: u64, news: &[(u64, Alert)]) -> Vec<(u64, Reason, usize, usize)> {
        let mut told = Vec::new();
        for minute in 0..=until {
            let new: Vec<Alert> = news.iter().filter(|(at, _)| *at == minute).map(|(_, alert)| alert.clone()).collect();
            assert_eq!(dispatcher.take(&new, minutes(minute)), 0);
            for due in dispatcher.due(minutes(minute), false) {
                let notification = &due.notification;
                told.push((
                    minute,
                    notification.reason,
                    notification.firing().count(),
                    notification.resolved().count(),
                ));
                dispatcher.delivered(due.told, minutes(minute));
            }
        }
        told
    }

    #[test]
    fn a_group_waits_collects_tells_news_and_repeats() {
        let mut dispatcher = dispatcher(true);
        let news = [
            (0, slow("a", 0, None)),
            (1, slow("b", 1, None)),
            (3, slow("c", 3, None)),
            (8, slow("a", 0, Some(8))),
            (90, slow("b", 1, Some(90))),
            (90, slow("c", 3, Some(90))),
        ];
        let told = run(&mut dispatcher, 100, &news);
        assert_eq!(
            told,
            [
                (1, Reason::First, 2, 0),
                (6, Reason::NewAlerts, 3, 0),
                (11, Reason::NewResolved, 2, 1),
                (71, Reason::Repeat, 2, 0),
                (91, Reason::AllResolved, 0, 2),
            ]
        );
        assert_eq!(dispatcher.len(), 0);
    }

    #[test]
    fn what_comes_and_goes_before_the_first_look_is_not_told_and_what_is_old_is_told_at_once() {
        let mut dispatcher = dispatcher(true);
        let brief = Alert { starts_at: minutes(0), ..slow("a", 0, Some(0)) };
        let told = run(&mut dispatcher, 20, &[(0, slow("a", 0, None)), (0, brief), (10, slow("b", 2, None))]);
        assert_eq!(told, [(10, Reason::First, 1, 0)]);
    }

    #[test]
    fn an_end_is_not_told_over_a_channel_that_does_not_want_it() {
        let mut dispatcher = dispatcher(false);
        let news = [(0, slow("a", 0, None)), (3, slow("a", 0, Some(3))), (20, slow("a", 20, None))];
        assert_eq!(run(&mut dispatcher, 30, &news), [(1, Reason::First, 1, 0), (21, Reason::First, 1, 0)]);
    }

    #[test]
    fn a_message_that_failed_is_made_again_and_none_is_made_while_one_is_under_way() {
        let mut dispatcher = dispatcher(true);
        dispatcher.take(&[slow("a", 0, None)], minutes(0));
        let first = dispatcher.due(minutes(1), false).pop().unwrap();
        assert!(dispatcher.due(minutes(6), false).is_empty(), "it is under way");
        dispatcher.failed(&first.told);
        let again = dispatcher.due(minutes(11), false).pop().unwrap();
        assert_eq!(again.notification.reason, Reason::First);
        // It ends while it is being told: the end is told too.
        dispatcher.take(&[slow("a", 0, Some(12))], minutes(12));
        dispatcher.delivered(again.told, minutes(12));
        assert_eq!(run_from(&mut dispatcher, 13, 20), [(16, Reason::AllResolved)]);
    }

    fn run_from(dispatcher: &mut Dispatcher, from: u64, until: u64) -> Vec<(u64, Reason)> {
        let mut told = Vec::new();
        for minute in from..=until {
            for due in dispatcher.due(minutes(minute), false) {
                told.push((minute, due.notification.reason));
                dispatcher.delivered(due.told, minutes(minute));
            }
        }
        told
    }

    #[test]
    fn an_alert_that_is_not_heard_of_any_more_ends() {
        let mut dispatcher = dispatcher(true);
        let forgotten = Alert { valid_until: minutes(9), ..slow("a", 0, None) };
        assert_eq!(
            run(&mut dispatcher, 30, &[(0, forgotten)]),
            [(1, Reason::First, 1, 0), (11, Reason::AllResolved, 0, 1)]
        );
    }

    #[test]
    fn an_inhibited_alert_is_not_told_while_the_other_fires() {
        let mut dispatcher = dispatcher(true);
        let down = |ended| alert(&[("alertname", "Down"), ("op", "a"), ("severity", "critical")], 0, ended);
        let info = alert(&[("alertname", "Slow"), ("op", "a"), ("severity", "info")], 0, None);
        let told = run(&mut dispatcher, 30, &[(0, down(None)), (0, info), (12, down(Some(12)))]);
        assert_eq!(
            told,
            [(1, Reason::First, 1, 0), (16, Reason::AllResolved, 0, 1), (16, Reason::First, 1, 0)],
            "Down, its end, and only then Slow"
        );
    }

    #[test]
    fn alerts_beyond_the_limit_are_refused_and_counted_and_those_that_are_known_are_not() {
        let mut dispatcher = dispatcher(true);
        let many: Vec<Alert> = (0..150).map(|n| slow(&n.to_string(), 0, None)).collect();
        assert_eq!(dispatcher.take(&many, minutes(0)), 50);
        assert_eq!(dispatcher.take(&many[..100], minutes(0)), 0);
        assert_eq!(dispatcher.len(), 100);
    }

    #[test]
    fn before_the_end_everything_that_waits_is_told() {
        let mut dispatcher = dispatcher(true);
        dispatcher.take(&[slow("a", 0, None)], minutes(0));
        assert_eq!(dispatcher.due(minutes(0), true).len(), 1);
    }

    #[test]
    fn a_restart_tells_nobody_twice_and_tells_the_end_of_what_was_told() {
        let mut before = dispatcher(true);
        let told = run(&mut before, 3, &[(0, slow("a", 0, None)), (0, slow("b", 0, None))]);
        assert_eq!(told, [(1, Reason::First, 2, 0)]);
        let text = super::super::saved::write(&before.save(), std::iter::empty());
        let (groups, _) = super::super::saved::read(&text, minutes(10)).unwrap();
        let mut after = dispatcher(true);
        after.restore(groups);
        // One goes on, and of the other nothing is heard again.
        let news = [(11, slow("a", 0, None)), (18, slow("a", 0, None))];
        let told = run(&mut after, 40, &news);
        assert_eq!(told, [(21, Reason::NewResolved, 1, 1)]);
        assert!(super::super::saved::read("{}", minutes(1)).is_none());
    }
}
