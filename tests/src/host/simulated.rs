//! A person on a simulated platform, whose bot is the host.

use std::time::Duration;

use greentic_conformance::platform::{
    self, Act, Action, Author, Place, Profile, Settings, Shown, Simulation,
};

use super::folder::Folder;
use super::{Host, eventually};

/// Ada, alone with the bot.
pub struct Person {
    /// The platform.
    pub simulation: Simulation,
    seen: usize,
}

/// The bundle of a channel that speaks to a simulation, with the help desk's flow behind it, and its secrets.
fn bundle(profile: &Profile, reveal: &[&str]) -> Folder {
    let list = |items: &[String]| {
        let quoted: Vec<_> = items.iter().map(|item| format!("{item:?}")).collect();
        quoted.join(", ")
    };
    let secrets: Vec<_> = profile
        .secrets
        .iter()
        .map(|(name, _)| name.clone())
        .collect();
    // JSON is YAML.
    let config = profile.config_tree();
    let file = profile.component.replace('-', "_");
    let (http, secrets) = (list(&profile.http), list(&secrets));
    let reveal = reveal.join(", ");
    let folder = Folder::of("talk")
        .but(
            "  counter: {",
            &format!(
                "  platform:\n    from: \"${{PLUGINS}}/{file}.wasm\"\n    grants: {{ http: [{http}], secrets: [{secrets}], reveal: [{reveal}] }}\n    config: {config}\n  counter: {{"
            ),
        )
        .but(
            "          echo: {",
            "          simulated: { provider: platform, flow: helpdesk/welcome }\n          echo: {",
        );
    for (name, value) in &profile.secrets {
        folder.write(&format!("secrets/{name}"), value);
    }
    folder
}

impl Person {
    /// Starts a platform, and a host whose channel speaks to it. The platform holds the host to its rates.
    ///
    /// # Panics
    /// When there is no such platform.
    #[must_use]
    pub fn begin(name: &str) -> (Self, Host, Folder) {
        let make = platform::named(name).unwrap();
        let settings = Settings {
            scale: 0.01,
            ..Settings::default()
        };
        let simulation = Simulation::start(make, &settings).unwrap();
        simulation.desk().enforce_rates(true);
        let folder = bundle(&simulation.profile(), simulation.platform().reveal());
        let host = Host::start(&folder);
        let origin = &host.origin;
        simulation.set_target(format!(
            "{origin}/v1/messaging/ingress/platform/demo/default/simulated"
        ));
        let person = Self {
            simulation,
            seen: 0,
        };
        (person, host, folder)
    }

    /// Does something.
    ///
    /// # Panics
    /// When that is not possible.
    pub fn does(&self, action: Action) {
        let act = Act {
            user: "ada".into(),
            place: Place::Direct,
            action,
        };
        self.simulation.act(&act).unwrap();
        assert!(self.simulation.settle(Duration::from_secs(30)));
    }

    /// Says something.
    pub fn says(&self, text: &str) {
        self.does(Action::Say(text.into()));
    }

    /// The next message of the bot that has this text, all before it read.
    pub fn hears(&mut self, text: &str) -> Shown {
        let (place, seen) = (Place::Direct, self.seen);
        let (at, shown) = eventually(&format!("`{text}` is seen"), || {
            let messages = self.simulation.screen(&place, "ada").messages;
            let said = |shown: &Shown| shown.author == Author::Bot && shown.text.contains(text);
            let new = messages.into_iter().enumerate().skip(seen);
            new.into_iter().find(|(_, shown)| said(shown))
        });
        self.seen = at + 1;
        shown
    }

    /// Presses the button with this title where the message has it, and writes the title where it has none.
    pub fn chooses(&self, shown: &Shown, title: &str) {
        match shown
            .buttons
            .iter()
            .position(|button| button.title == title)
        {
            Some(button) => self.does(Action::Press {
                message: shown.id.clone(),
                button,
            }),
            None => {
                assert!(shown.text.contains(title), "`{title}` is not in {shown:?}");
                self.says(title);
            }
        }
    }
}
