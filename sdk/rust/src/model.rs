//! The shared types, and short ways to make them.

pub use crate::bindings::model::greentic::types::types::*;

impl Header {
    /// `name` is lower-case.
    #[must_use]
    pub fn new(name: &str, value: &str) -> Self {
        Self {
            name: name.into(),
            value: value.into(),
        }
    }
}

impl Conversation {
    /// One person and the bot.
    #[must_use]
    pub fn direct(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            thread: None,
            kind: ConversationKind::Direct,
        }
    }
}

impl Participant {
    /// A person known by the platform's identifier alone.
    #[must_use]
    pub fn person(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            name: None,
            locale: None,
            is_bot: false,
        }
    }
}

impl Message {
    /// A plain text without files.
    #[must_use]
    pub fn plain(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            format: TextFormat::Plain,
            attachments: Vec::new(),
        }
    }
}

impl Event {
    /// What the person said: a message's text, or the text shown for a button. `None` for every other event.
    #[must_use]
    pub fn said(&self) -> Option<&str> {
        match &self.body {
            EventBody::Message(message) => Some(&message.text),
            EventBody::Postback(postback) => postback.text.as_deref(),
            _ => None,
        }
    }
}

impl Outbound {
    /// Something to send to a conversation.
    #[must_use]
    pub fn new(conversation: &Conversation, body: OutboundBody) -> Self {
        Self {
            conversation: conversation.clone(),
            reply_to: None,
            only_for: None,
            body,
        }
    }

    /// A plain text.
    #[must_use]
    pub fn text(conversation: &Conversation, text: impl Into<String>) -> Self {
        Self::new(
            conversation,
            OutboundBody::Text(Text {
                text: text.into(),
                format: TextFormat::Plain,
            }),
        )
    }

    /// A text in the common Markdown.
    #[must_use]
    pub fn markdown(conversation: &Conversation, text: impl Into<String>) -> Self {
        Self::new(
            conversation,
            OutboundBody::Text(Text {
                text: text.into(),
                format: TextFormat::Markdown,
            }),
        )
    }

    /// An Adaptive Card as JSON, with what to send where cards cannot be shown.
    #[must_use]
    pub fn card(
        conversation: &Conversation,
        json: impl Into<String>,
        fallback: impl Into<String>,
    ) -> Self {
        Self::new(
            conversation,
            OutboundBody::Card(Card {
                json: json.into(),
                fallback: fallback.into(),
            }),
        )
    }

    /// A text with suggested answers, each as what the person sees and what comes back.
    #[must_use]
    pub fn quick_replies(
        conversation: &Conversation,
        text: impl Into<String>,
        options: &[(&str, &str)],
    ) -> Self {
        let options = options
            .iter()
            .map(|(title, value)| QuickReply {
                title: (*title).into(),
                value: (*value).into(),
            })
            .collect();
        Self::new(
            conversation,
            OutboundBody::QuickReplies(QuickReplies {
                text: text.into(),
                options,
            }),
        )
    }

    /// Shows that an answer is being made.
    #[must_use]
    pub fn typing(conversation: &Conversation) -> Self {
        Self::new(conversation, OutboundBody::Typing)
    }

    /// The same as an answer to that message.
    #[must_use]
    pub fn answering(mut self, message_id: impl Into<String>) -> Self {
        self.reply_to = Some(message_id.into());
        self
    }
}

impl Requests {
    /// Asks for nothing.
    #[must_use]
    pub fn none() -> Self {
        Self {
            http: Vec::new(),
            tcp: Vec::new(),
            secrets: Vec::new(),
            read: Vec::new(),
            write: Vec::new(),
        }
    }
}

impl About {
    /// A component that asks for nothing and takes no configuration.
    #[must_use]
    pub fn new(name: &str, version: &str, description: &str) -> Self {
        Self {
            name: name.into(),
            version: version.into(),
            description: description.into(),
            requests: Requests::none(),
            config_schema: String::new(),
        }
    }

    /// Opens this secret, by the name it uses for it.
    #[must_use]
    pub fn secret(mut self, name: &str) -> Self {
        self.requests.secrets.push(name.into());
        self
    }

    /// Calls this host: `slack.com`, `*.example.com`, `host:port`.
    #[must_use]
    pub fn http(mut self, host: &str) -> Self {
        self.requests.http.push(host.into());
        self
    }

    /// Reads this directory.
    #[must_use]
    pub fn read(mut self, directory: &str) -> Self {
        self.requests.read.push(directory.into());
        self
    }

    /// Reads and writes this directory.
    #[must_use]
    pub fn write(mut self, directory: &str) -> Self {
        self.requests.write.push(directory.into());
        self
    }

    /// The JSON Schema of its configuration.
    #[must_use]
    pub fn config(mut self, schema: &str) -> Self {
        self.config_schema = schema.into();
        self
    }
}
