//! `slack_configs`

use std::time::Duration;

use super::file::sequence;
use super::receivers::{Global, Http, Secret, check_url, http, limit, secret};
use super::templates::template;
use crate::template::message::{Form, Library};
use crate::yaml::{Fault, Node, Reader, Section};

/// `slack_configs`: an incoming webhook of Slack, or of what speaks like it.
#[derive(Debug, Clone)]
pub struct Slack {
    /// The webhook's URL.
    pub api_url: Secret,
    /// Connection and credentials.
    pub http: Http,
    /// Templates by their keys ([`Slack::TEXTS`]); for what is absent or empty there is a text of ours, or none.
    pub texts: Vec<(String, String)>,
    /// A table below the text.
    pub fields: Vec<SlackField>,
    /// Whether a field that does not say it is short.
    pub short_fields: bool,
    /// Whether Slack looks for names and channels in the text. Default no.
    pub link_names: bool,
    /// Which parts hold Slack's markup; all that can, when it is empty.
    pub mrkdwn_in: Vec<String>,
    /// What the templates may call.
    pub templates: Library,
    /// Whether the end of an alert is told. Default no, as in Alertmanager.
    pub send_resolved: bool,
    /// One try at most; without it the notification's own limit.
    pub timeout: Option<Duration>,
}

/// An entry of `fields`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlackField {
    /// A template.
    pub title: String,
    /// A template.
    pub value: String,
    /// Whether it may stand beside another one.
    pub short: Option<bool>,
}

impl Slack {
    /// The keys whose values are templates.
    pub const TEXTS: [&str; 14] = [
        "channel",
        "username",
        "icon_emoji",
        "icon_url",
        "color",
        "title",
        "title_link",
        "pretext",
        "text",
        "footer",
        "fallback",
        "callback_id",
        "image_url",
        "thumb_url",
    ];

    /// A webhook with all other settings at their defaults.
    pub fn new(api_url: Secret) -> Self {
        Self {
            api_url,
            http: Http::default(),
            texts: Vec::new(),
            fields: Vec::new(),
            short_fields: false,
            link_names: false,
            mrkdwn_in: Vec::new(),
            templates: Library::default(),
            send_resolved: false,
            timeout: None,
        }
    }
}

/// An entry of `slack_configs`.
pub(super) fn read<'n>(
    reader: &mut Reader<'n>,
    node: &'n Node,
    global: &Global,
    library: &Library,
) -> Result<Slack, Fault> {
    const READ: [&str; 9] = [
        "send_resolved",
        "http_config",
        "api_url",
        "api_url_file",
        "fields",
        "short_fields",
        "link_names",
        "mrkdwn_in",
        "timeout",
    ];
    const OTHER: [&str; 8] = [
        "app_token",
        "app_token_file",
        "app_url",
        "message_text",
        "actions",
        "update_message",
        "blocks",
        "attachments",
    ];
    let section = reader.section(node, &[READ.as_slice(), &Slack::TEXTS, &OTHER].concat())?;
    section.ignore(reader, &OTHER);
    let own = secret(&section, "api_url", "api_url_file")?;
    let missing = || section.error(section.place, "api_url is missing here, and slack_api_url in global");
    let api_url = own.or_else(|| global.slack_api_url.clone()).ok_or_else(missing)?;
    check_url(&section, "api_url", &api_url)?;
    let mut texts = Vec::new();
    for key in Slack::TEXTS {
        texts.extend(template(&section, key, library, Form::Text)?.map(|text| (key.to_owned(), text)));
    }
    let fields = sequence(&section, "fields")?.iter().map(|node| field(reader, node, library));
    Ok(Slack {
        fields: fields.collect::<Result<_, _>>()?,
        http: http(reader, &section)?.unwrap_or_else(|| global.http.clone()),
        texts,
        short_fields: section.flag("short_fields")?.unwrap_or(false),
        link_names: section.flag("link_names")?.unwrap_or(false),
        mrkdwn_in: section.texts("mrkdwn_in")?.unwrap_or_default(),
        templates: library.clone(),
        send_resolved: section.flag("send_resolved")?.unwrap_or(false),
        timeout: limit(&section)?,
        ..Slack::new(api_url)
    })
}

fn field<'n>(reader: &Reader<'n>, node: &'n Node, library: &Library) -> Result<SlackField, Fault> {
    let section: Section<'n> = reader.section(node, &["title", "value", "short"])?;
    let needed = |key: &str| {
        let text = template(&section, key, library, Form::Text)?.filter(|text| !text.is_empty());
        text.ok_or_else(|| section.error(section.place, format!("{key} is missing here")))
    };
    Ok(SlackField { title: needed("title")?, value: needed("value")?, short: section.flag("short")? })
}
