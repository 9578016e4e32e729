//! The account of one export: every item is settled once.

use std::ops::Range;

use super::channel::Channel;
use crate::model::Reason;

/// What became of the items of one export, in their order.
#[derive(Debug)]
pub(super) struct Account<'a> {
    channel: &'a Channel,
    pub(super) total: usize,
    settled: usize,
    /// Of whoever exports, because it must be known also when the export is stopped.
    taken: &'a mut Vec<Range<usize>>,
}

impl<'a> Account<'a> {
    pub(super) fn open(channel: &'a Channel, total: usize, taken: &'a mut Vec<Range<usize>>) -> Self {
        Self { channel, total, settled: 0, taken }
    }

    /// The backend took these items, and said that it rejected some of them, for good.
    pub(super) fn delivered(&mut self, items: usize, rejected: usize) {
        let Channel { internal, signal, .. } = self.channel;
        internal.delivered(*signal, (items - rejected) as u64);
        if rejected > 0 {
            internal.dropped(*signal, Reason::Rejected, rejected as u64);
        }
        self.taken.push(self.settled..self.settled + items);
        self.settled += items;
    }

    pub(super) fn dropped(&mut self, reason: Reason, items: usize) {
        self.channel.internal.dropped(self.channel.signal, reason, items as u64);
        self.settled += items;
    }
}

impl Drop for Account<'_> {
    fn drop(&mut self) {
        let left = self.total - self.settled;
        if left > 0 {
            // The export's future was dropped: its caller had no more time.
            self.channel.internal.dropped(self.channel.signal, Reason::Deadline, left as u64);
            self.channel.stopped();
        }
    }
}
