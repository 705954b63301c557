//! Who answers which import: names, versions and policy only, no types yet.

use super::{Candidate, ComposeError, Fault, LinkReason, Offer, Root, Source, Wire};
use crate::inspect::{Interface, InterfaceName, Shape, nearest};
use std::collections::HashSet;

/// One import answered by a candidate.
pub(super) struct Edge<'a> {
    /// Who imports: the root (none) or a candidate.
    pub importer: Option<&'a Candidate>,
    pub import: &'a InterfaceName,
    pub export: &'a InterfaceName,
    pub provider: &'a Candidate,
    /// None when it is fused.
    pub link: Option<LinkReason>,
}

pub(super) struct Plan<'a> {
    pub edges: Vec<Edge<'a>>,
    /// Providers before their importers.
    pub fused: Vec<&'a Candidate>,
    pub wires: Vec<Wire>,
}

pub(super) fn plan<'a>(
    root: &'a Root,
    candidates: &'a [Candidate],
    offers: &[InterfaceName],
) -> Result<Plan<'a>, ComposeError> {
    let mut names = HashSet::from([root.name.as_str()]);
    let mut faults: Vec<_> = candidates
        .iter()
        .filter(|c| !names.insert(&c.name))
        .map(|c| Fault::SameName {
            name: c.name.clone(),
        })
        .collect();
    let mut walk = Walk {
        root,
        candidates,
        offers,
        plan: Plan {
            edges: Vec::new(),
            fused: Vec::new(),
            wires: Vec::new(),
        },
        faults: Vec::new(),
        path: Vec::new(),
        done: HashSet::new(),
    };
    walk.component(None, true);
    faults.append(&mut walk.faults);
    if faults.is_empty() {
        Ok(walk.plan)
    } else {
        Err(ComposeError { faults })
    }
}

struct Walk<'a, 'o> {
    root: &'a Root,
    candidates: &'a [Candidate],
    offers: &'o [InterfaceName],
    plan: Plan<'a>,
    faults: Vec<Fault>,
    /// The components on the way here, each with the import that leads on.
    path: Vec<(Option<&'a str>, &'a InterfaceName)>,
    done: HashSet<(&'a str, bool)>,
}

impl<'a> Walk<'a, '_> {
    /// Resolves a component's imports. `inside`: it is the root or fused into it. Past a linked provider only cycles are looked
    /// for: its own imports are judged when it is composed itself.
    fn component(&mut self, importer: Option<&'a Candidate>, inside: bool) {
        let (name, shape): (&str, &'a Shape) =
            importer.map_or((&self.root.name, &self.root.shape), |c| (&c.name, &c.shape));
        if inside {
            for function in &shape.root_imports {
                self.faults.push(Fault::Unsatisfied {
                    importer: name.into(),
                    import: function.name.clone(),
                    nearest: None,
                });
            }
        }
        for import in &shape.imports {
            if self
                .offers
                .iter()
                .any(|offer| offer.compatible(&import.name))
            {
                self.wire(inside, name, import, Source::Host);
            } else if !import.is_types_only() {
                self.import(importer, import, inside);
            }
        }
    }

    fn import(&mut self, importer: Option<&'a Candidate>, import: &'a Interface, inside: bool) {
        let name = importer.map_or(self.root.name.as_str(), |c| c.name.as_str());
        let choices: Vec<(&'a Candidate, &'a InterfaceName)> = self
            .others(importer)
            .flat_map(|c| c.shape.exports.iter().map(move |export| (c, &export.name)))
            .filter(|(_, export)| export.compatible(&import.name))
            .collect();
        let exact: Vec<_> = choices
            .iter()
            .copied()
            .filter(|(_, export)| **export == import.name)
            .collect();
        let (provider, export) = match (exact.as_slice(), choices.as_slice()) {
            ([one], _) | ([], [one]) => *one,
            ([], []) => {
                if inside {
                    let fault = Fault::Unsatisfied {
                        importer: name.into(),
                        import: import.name.to_string(),
                        nearest: self.nearest(importer, import),
                    };
                    self.faults.push(fault);
                }
                return;
            }
            ([], several) | (several, _) => {
                if inside {
                    let choices = several
                        .iter()
                        .map(|(c, export)| Offer {
                            interface: (*export).clone(),
                            by: Some(c.name.clone()),
                        })
                        .collect();
                    self.faults.push(Fault::Ambiguous {
                        importer: name.into(),
                        import: import.name.clone(),
                        choices,
                    });
                }
                return;
            }
        };
        let link = self.link_reason(provider);
        if inside {
            let source = match &link {
                None => Source::Fused(provider.name.clone()),
                Some(reason) => Source::Linked(provider.name.clone(), reason.clone()),
            };
            self.wire(inside, name, import, source);
            if let Some(reason) = &link {
                self.check_carriable(name, import, provider, reason);
            }
        }
        let inside_too = inside && link.is_none();
        if inside {
            self.plan.edges.push(Edge {
                importer,
                import: &import.name,
                export,
                provider,
                link,
            });
        }
        self.path
            .push((importer.map(|c| c.name.as_str()), &import.name));
        self.enter(provider, inside_too);
        self.path.pop();
    }

    fn enter(&mut self, provider: &'a Candidate, inside: bool) {
        if let Some(start) = self
            .path
            .iter()
            .position(|(component, _)| *component == Some(provider.name.as_str()))
        {
            let steps = self.path.iter().skip(start);
            let mut path: Vec<String> = steps
                .map(|(component, import)| {
                    format!("{} [{import}]", component.unwrap_or(&self.root.name))
                })
                .collect();
            path.push(provider.name.clone());
            let fault = Fault::Cycle { path };
            if !self.faults.contains(&fault) {
                self.faults.push(fault);
            }
            return;
        }
        // Once from inside and once from outside is enough: the rest of the way is the same each time.
        if !self.done.insert((provider.name.as_str(), inside)) {
            return;
        }
        self.component(Some(provider), inside);
        if inside {
            self.plan.fused.push(provider);
        }
    }

    fn check_carriable(
        &mut self,
        name: &str,
        import: &Interface,
        provider: &Candidate,
        reason: &LinkReason,
    ) {
        let function = import
            .functions
            .iter()
            .find(|f| f.handles || f.streams)
            .map(|f| &f.name);
        if let Some(function) = function.or(import.resources.first()) {
            self.faults.push(Fault::NotLinkable {
                importer: name.into(),
                import: import.name.clone(),
                provider: provider.name.clone(),
                reason: reason.to_string(),
                function: function.clone(),
            });
        }
    }

    fn link_reason(&self, provider: &Candidate) -> Option<LinkReason> {
        let authority = provider.shape.authority();
        if provider.force_link {
            Some(LinkReason::Forced)
        } else if !authority.is_empty() {
            Some(LinkReason::Authority(authority))
        } else if !provider.pure || !provider.shape.is_pure() {
            Some(LinkReason::OwnGrants)
        } else if self.root.ambient && provider.shape.reads_ambient() {
            Some(LinkReason::Ambient)
        } else {
            None
        }
    }

    /// The root's own exports answer nobody: what the host calls is not part of what it calls.
    fn others(
        &self,
        importer: Option<&'a Candidate>,
    ) -> impl Iterator<Item = &'a Candidate> + use<'a> {
        let own = importer.map(|c| c.name.as_str());
        let root = self.root.name.as_str();
        self.candidates
            .iter()
            .filter(move |c| Some(c.name.as_str()) != own && c.name != root)
    }

    fn nearest(&self, importer: Option<&'a Candidate>, import: &Interface) -> Option<Offer> {
        let from_host = self.offers.iter().map(|interface| (interface, None));
        let offers: Vec<(&InterfaceName, Option<&str>)> = from_host
            .chain(self.others(importer).flat_map(|c| {
                c.shape
                    .exports
                    .iter()
                    .map(move |e| (&e.name, Some(c.name.as_str())))
            }))
            .collect();
        let best = nearest(offers.iter().map(|(interface, _)| *interface), &import.name)?;
        let (interface, by) = offers.iter().find(|(interface, _)| *interface == best)?;
        Some(Offer {
            interface: (*interface).clone(),
            by: by.map(Into::into),
        })
    }

    fn wire(&mut self, inside: bool, importer: &str, import: &Interface, source: Source) {
        if inside {
            self.plan.wires.push(Wire {
                importer: importer.into(),
                interface: import.name.clone(),
                source,
            });
        }
    }
}
