//! A notification as a message: addresses, headers and both bodies (RFC 5322, RFC 2046).

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::time::SystemTime;

use lettre::Message;
use lettre::address::Envelope;
use lettre::message::header::{HeaderName, HeaderValue, To};
use lettre::message::{Mailboxes, MessageBuilder, MultiPart, SinglePart};

use super::body;
use crate::Error;
use crate::clock::date;
use crate::model::Labels;
use crate::notifier::Notification;
use crate::notifier::channels::filled::{Escape, fill, template};
use crate::notifier::channels::text::one_line;
use crate::notifier::routing::{Email, Threading, is_header_name};
use crate::template::message::{Form, MessageTemplate};

/// Characters of a header's value; a line has 998 at most.
const HEADER: usize = 900;

/// Writes the messages of one channel.
#[derive(Debug)]
pub(super) struct Letters {
    from: MessageTemplate,
    to: MessageTemplate,
    headers: Vec<(HeaderName, MessageTemplate)>,
    html: Option<MessageTemplate>,
    text: Option<MessageTemplate>,
    threading: Threading,
    /// Tells the messages of this channel from those of others, of this process and of others.
    seed: RandomState,
}

impl Letters {
    /// # Errors
    /// When an address, a header's name or a template is not valid.
    pub(super) fn new(name: &str, config: &Email) -> Result<Self, Error> {
        let read = |key: &str, text: &str, form| template(name, key, text, &config.templates, form);
        let header = |(header, value): &(String, String)| {
            let known = is_header_name(header).then(|| HeaderName::new_from_ascii(header.clone()).ok()).flatten();
            let expected = "names of headers such as Subject or X-Team";
            let known = known.ok_or_else(|| Error::invalid(format!("{name}: headers"), header, expected))?;
            Ok::<_, Error>((known, read(header, value, Form::Text)?))
        };
        let body = |key: &str, text: &Option<String>, form| text.as_ref().map(|text| read(key, text, form)).transpose();
        for (key, text) in [("from", &config.from), ("to", &config.to)] {
            // What stands in a template is known later.
            if !text.contains("{{") {
                addresses(text).map_err(|expected| Error::invalid(format!("{name}: {key}"), text, expected))?;
            }
        }
        Ok(Self {
            from: read("from", &config.from, Form::Text)?,
            to: read("to", &config.to, Form::Text)?,
            headers: config.headers.iter().map(header).collect::<Result<_, _>>()?,
            html: body("html", &config.html, Form::Html)?,
            text: body("text", &config.text, Form::Text)?,
            threading: config.threading,
            seed: RandomState::new(),
        })
    }

    /// # Errors
    /// When a template makes no address of what should be one.
    pub(super) fn write(&self, notification: &Notification) -> Result<Message, String> {
        let (from, to) =
            (filled_addresses("from", &self.from, notification)?, filled_addresses("to", &self.to, notification)?);
        let Some(sender) = from.iter().next().cloned() else { return Err("from: expected one address".to_owned()) };
        let receivers = to.iter().map(|mailbox| mailbox.email.clone()).collect();
        let wrong = |error: &dyn fmt::Display| format!("the message cannot be written: {error}");
        let envelope = Envelope::new(Some(sender.email.clone()), receivers).map_err(|error| wrong(&error))?;
        let id = self.id(notification, sender.email.domain());
        let mut builder = Message::builder()
            .envelope(envelope)
            .from(sender)
            .mailbox(To::from(to))
            .subject(one_line(&notification.title(), HEADER))
            .date(SystemTime::from(notification.time))
            .message_id(Some(id));
        if let Some(root) = self.conversation(notification) {
            builder = builder.references(root.clone()).in_reply_to(root);
        }
        let mut failed = Vec::new();
        for (name, template) in &self.headers {
            match fill(template, notification, Escape::NONE) {
                Ok(value) => builder = builder.raw_header(HeaderValue::new(name.clone(), one_line(&value, HEADER))),
                Err(why) => failed.push(format!("The template of {name} failed: {why}")),
            }
        }
        self.bodies(builder, notification, failed).map_err(|error| wrong(&error))
    }

    fn bodies(
        &self,
        builder: MessageBuilder,
        notification: &Notification,
        mut remarks: Vec<String>,
    ) -> Result<Message, lettre::error::Error> {
        let mut filled = |key: &str, template: &Option<MessageTemplate>| {
            let text = template.as_ref().map(|template| fill(template, notification, Escape::NONE))?;
            text.map_err(|why| remarks.push(format!("The template of {key} failed: {why}"))).ok()
        };
        let (text, html) = (filled("text", &self.text), filled("html", &self.html));
        remarks.extend(body::remarks(notification, text.is_some() || html.is_some()));
        let text = body::with_remarks(text.unwrap_or_else(|| body::text(notification)), &remarks);
        let html = html.unwrap_or_else(|| body::html(notification));
        match (text.is_empty(), html.is_empty()) {
            (_, true) => builder.singlepart(SinglePart::plain(text)),
            (true, false) => builder.singlepart(SinglePart::html(html)),
            (false, false) => {
                let html = body::with_html_remarks(&html, &remarks);
                builder.multipart(MultiPart::alternative_plain_html(text, html))
            }
        }
    }

    /// The same for each try of a notification, and for nothing else.
    fn id(&self, notification: &Notification, domain: &str) -> String {
        let hash = self.seed.hash_one((&notification.group_key, notification.time.0));
        format!("<{:x}.{hash:016x}@{domain}>", notification.time.0)
    }

    /// The message that all about a group seem to answer; none is ever sent, and mail programs do without it.
    fn conversation(&self, notification: &Notification) -> Option<String> {
        let day = match self.threading {
            Threading::Off => return None,
            Threading::Group => String::new(),
            Threading::Daily => {
                let (year, month, day) = date(i64::try_from(notification.time.0 / 86_400_000_000_000).unwrap_or(0));
                format!("{year:04}-{month:02}-{day:02}")
            }
        };
        let key = Labels::new([("group", notification.group_key.as_str())]).fingerprint();
        Some(format!("<alert-{key:016x}-{day}@bellwether>"))
    }
}

/// The addresses that a template makes.
fn filled_addresses(key: &str, template: &MessageTemplate, notification: &Notification) -> Result<Mailboxes, String> {
    let failed = |why| format!("the template of {key} failed: {why}");
    let text = fill(template, notification, Escape::NONE).map_err(failed)?;
    addresses(&text)
        .map_err(|expected| format!("{key}: {:?} is not valid; expected {expected}", one_line(&text, HEADER)))
}

/// At least one address; otherwise what was expected.
fn addresses(text: &str) -> Result<Mailboxes, &'static str> {
    let found = text.parse::<Mailboxes>().ok().filter(|found| found.iter().next().is_some());
    found.ok_or("addresses such as a@example.org, B <b@example.org>")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Alert;
    use crate::notifier::Reason;
    use crate::notifier::fixtures::{alert, minutes};

    fn notification(alerts: Vec<Alert>) -> Notification {
        Notification {
            receiver: "team".to_owned(),
            group_key: "{}:{alertname=\"Slow\"}".to_owned(),
            group_labels: Labels::new([("alertname", "Slow")]),
            alerts,
            reason: Reason::First,
            time: minutes(10),
            suppressed: 3,
        }
    }

    fn mail() -> Email {
        Email::new("Team <team@example.org>, b@example.org", "Alerts <alerts@example.org>", "mail.example.org:587")
    }

    fn written(config: &Email, notification: &Notification) -> String {
        let message = Letters::new("mail", config).unwrap().write(notification).unwrap();
        String::from_utf8(message.formatted()).unwrap()
    }

    /// The lines of the head, unfolded.
    fn head(message: &str) -> Vec<String> {
        let head = message.split_once("\r\n\r\n").unwrap().0.replace("\r\n ", " ");
        head.split("\r\n").map(ToOwned::to_owned).collect()
    }

    #[test]
    fn no_label_adds_a_header_a_receiver_or_markup() {
        let evil = "x\r\nBcc: thief@example.org\r\n\r\n<script>alert(1)</script>\"'&";
        let slow = alert(&[("alertname", "Slow"), ("op", evil)], 1, None);
        let slow = Alert {
            annotations: Labels::new([("summary", evil)]),
            generator_url: "javascript:alert(1)".to_owned(),
            ..slow
        };
        let config = Email { headers: vec![("X-Team".to_owned(), "a\r\nBcc: b@c".to_owned())], ..mail() };
        let notification = notification(vec![slow]);
        let message = Letters::new("mail", &config).unwrap().write(&notification).unwrap();
        let names: Vec<String> = head(&String::from_utf8(message.formatted()).unwrap())
            .iter()
            .map(|line| line.split(':').next().unwrap().to_owned())
            .collect();
        let expected = ["From", "To", "Subject", "Date", "Message-ID", "X-Team", "MIME-Version", "Content-Type"];
        assert_eq!(names, expected);
        assert_eq!(message.envelope().to().len(), 2);
        let html = body::html(&notification);
        assert!(!html.contains("<script") && !html.contains("href") && html.contains("&lt;script&gt;"), "{html}");
    }

    #[test]
    fn a_message_says_who_what_when_and_what_was_held_back() {
        let slow = alert(&[("alertname", "Slow"), ("op", "suche-ü")], 1, None);
        let message = written(&mail(), &notification(vec![slow]));
        let head = head(&message);
        assert_eq!(head[0], "From: Alerts <alerts@example.org>");
        assert_eq!(head[1], "To: Team <team@example.org>, b@example.org");
        assert!(head[2].starts_with("Subject: [FIRING:1] Slow "), "{head:?}");
        assert_eq!(head[3], "Date: Fri, 02 Jan 1970 00:10:00 +0000");
        assert!(message.contains("multipart/alternative"), "{message}");
        assert!(message.is_ascii(), "any server takes it");
        assert!(message.contains("3 earlier messages were held back by the rate limit"), "{message}");
    }

    #[test]
    fn a_header_of_the_file_takes_the_place_of_ours() {
        let headers = vec![("subject".to_owned(), "Alert!".to_owned()), ("To".to_owned(), "undisclosed:;".to_owned())];
        let message = written(&Email { headers, ..mail() }, &notification(vec![alert(&[("alertname", "A")], 1, None)]));
        let head = head(&message);
        assert!(
            head.contains(&"subject: Alert!".to_owned()) && head.contains(&"To: undisclosed:;".to_owned()),
            "{head:?}"
        );
        assert_eq!(head.len(), 7);
    }

    #[test]
    fn tries_of_a_message_share_their_id_and_messages_of_a_group_their_conversation() {
        let find = |message: &str, name: &str| head(message).into_iter().find(|line| line.starts_with(name));
        let config = Email { threading: Threading::Daily, ..mail() };
        let letters = Letters::new("mail", &config).unwrap();
        let write = |time| {
            let notification = Notification { time, ..notification(vec![alert(&[("alertname", "Slow")], 1, None)]) };
            String::from_utf8(letters.write(&notification).unwrap().formatted()).unwrap()
        };
        let (first, again, next_day) = (write(minutes(10)), write(minutes(10)), write(minutes(10 + 1_440)));
        assert_eq!(find(&first, "Message-ID"), find(&again, "Message-ID"));
        assert_ne!(find(&first, "Message-ID"), find(&next_day, "Message-ID"));
        let root = find(&first, "References: <alert-").unwrap();
        assert!(root.ends_with("-1970-01-02@bellwether>"), "{root}");
        assert_eq!(find(&first, "In-Reply-To"), Some(root.replace("References", "In-Reply-To")));
        assert_ne!(find(&next_day, "References"), Some(root));
        assert_eq!(
            find(&written(&mail(), &notification(vec![alert(&[("alertname", "A")], 1, None)])), "References"),
            None
        );
    }
}
