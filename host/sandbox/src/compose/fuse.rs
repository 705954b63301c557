//! Checks the types of every wire and writes the fused component.

use super::resolve::{Edge, Plan};
use super::{ComposeError, Composition, Fault, Linked, Root};
use crate::inspect::Shape;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use wac_graph::types::{Package, SubtypeChecker};
use wac_graph::{CompositionGraph, EncodeOptions, NodeId, PackageId};

pub(super) fn fuse(root: &Root, plan: Plan<'_>) -> Result<Composition, ComposeError> {
    let fused: Vec<String> = plan.fused.iter().map(|c| c.name.clone()).collect();
    let failed = |detail: String| {
        ComposeError::from(Fault::Composer {
            root: root.name.clone(),
            fused: fused.clone(),
            detail,
        })
    };
    let (bytes, shape) = if plan.edges.is_empty() {
        (root.bytes.clone(), root.shape.clone())
    } else {
        // The composer has assertions of its own, and components from outside reach them.
        let composed = catch_unwind(AssertUnwindSafe(|| {
            Composer::new(root, &plan).map_err(failed)?.run()
        }))
        .map_err(|_| failed("the composer gave up on their types".into()))??;
        match composed {
            None => (root.bytes.clone(), root.shape.clone()),
            Some(bytes) => {
                let shape = Shape::of(&bytes).map_err(|error| failed(error.to_string()))?;
                (Arc::from(bytes), Arc::new(shape))
            }
        }
    };
    let linked = linked(root, &plan, &shape)?;
    Ok(Composition {
        bytes,
        shape,
        fused,
        linked,
        wires: plan.wires,
    })
}

/// The imports the composition is left with that a candidate answers. Imports of several fused components become one where
/// their versions are compatible, so they must mean one provider.
fn linked(root: &Root, plan: &Plan<'_>, shape: &Shape) -> Result<Vec<Linked>, ComposeError> {
    let mut linked = Vec::new();
    let mut faults = Vec::new();
    for import in &shape.imports {
        let mut edges = plan
            .edges
            .iter()
            .filter(|edge| edge.link.is_some() && edge.import.compatible(&import.name));
        let Some(first) = edges.next() else { continue };
        let mut providers = vec![first.provider.name.clone()];
        providers.extend(
            edges
                .map(|edge| edge.provider.name.clone())
                .filter(|name| *name != first.provider.name),
        );
        if providers.len() > 1 {
            providers.dedup();
            faults.push(Fault::Merged {
                root: root.name.clone(),
                import: import.name.clone(),
                providers,
            });
        } else if let Some(reason) = &first.link {
            linked.push(Linked {
                import: import.name.clone(),
                export: first.export.clone(),
                provider: first.provider.name.clone(),
                reason: reason.clone(),
            });
        }
    }
    if faults.is_empty() {
        Ok(linked)
    } else {
        Err(ComposeError { faults })
    }
}

struct Composer<'p> {
    root: &'p Root,
    plan: &'p Plan<'p>,
    graph: CompositionGraph,
    /// By name; every component of the plan, fused or linked, has its types here.
    packages: HashMap<&'p str, PackageId>,
}

impl<'p> Composer<'p> {
    fn new(root: &'p Root, plan: &'p Plan<'p>) -> Result<Self, String> {
        let mut graph = CompositionGraph::new();
        let mut packages = HashMap::new();
        let parts = plan
            .edges
            .iter()
            .map(|edge| (edge.provider.name.as_str(), &edge.provider.bytes));
        for (name, bytes) in std::iter::once((root.name.as_str(), &root.bytes)).chain(parts) {
            if packages.contains_key(name) {
                continue;
            }
            // The composer takes package names only; the bundle's names need not be one.
            let label = format!("fused:part{}", packages.len());
            let package = Package::from_bytes(&label, None, bytes.to_vec(), graph.types_mut())
                .map_err(|error| format!("`{name}`: {error:#}"))?;
            packages.insert(
                name,
                graph
                    .register_package(package)
                    .map_err(|error| format!("`{name}`: {error}"))?,
            );
        }
        Ok(Self {
            root,
            plan,
            graph,
            packages,
        })
    }

    fn package(&self, name: &str) -> Result<PackageId, ComposeError> {
        self.packages
            .get(name)
            .copied()
            .ok_or_else(|| self.failed(format!("`{name}` is not part of the plan")))
    }

    /// Nothing when there is nothing to fuse and all types fit.
    fn run(mut self) -> Result<Option<Vec<u8>>, ComposeError> {
        self.check_types()?;
        if self.plan.fused.is_empty() {
            return Ok(None);
        }
        let mut instances: HashMap<&str, NodeId> = HashMap::new();
        for candidate in &self.plan.fused {
            let instance = self.graph.instantiate(self.package(&candidate.name)?);
            instances.insert(&candidate.name, instance);
        }
        let root = self.graph.instantiate(self.package(&self.root.name)?);
        for edge in self.plan.edges.iter().filter(|edge| edge.link.is_none()) {
            let importer = edge
                .importer
                .map_or(Some(root), |c| instances.get(c.name.as_str()).copied());
            let provider = instances.get(edge.provider.name.as_str()).copied();
            let (Some(importer), Some(provider)) = (importer, provider) else {
                return Err(
                    self.failed(format!("`{}` is not part of the plan", edge.provider.name))
                );
            };
            let export = self
                .graph
                .alias_instance_export(provider, &edge.export.to_string())
                .map_err(|error| self.failed(error.to_string()))?;
            self.graph
                .set_instantiation_argument(importer, &edge.import.to_string(), export)
                .map_err(|error| self.failed(format!("{:#}", anyhow::Error::from(error))))?;
        }
        let world = self
            .graph
            .packages()
            .find(|package| package.name() == "fused:part0")
            .map(Package::ty);
        let exports: Vec<String> = world
            .map(|world| self.graph.types()[world].exports.keys().cloned().collect())
            .ok_or_else(|| self.failed("the root is not part of the plan".into()))?;
        for name in exports {
            let export = self
                .graph
                .alias_instance_export(root, &name)
                .map_err(|error| self.failed(error.to_string()))?;
            self.graph
                .export(export, &name)
                .map_err(|error| self.failed(error.to_string()))?;
        }
        let bytes = self.graph.encode(EncodeOptions::default());
        bytes
            .map(Some)
            .map_err(|error| self.failed(format!("{:#}", anyhow::Error::from(error))))
    }

    /// Every wire, linked ones too: a provider whose types differ is found before anything runs.
    fn check_types(&self) -> Result<(), ComposeError> {
        let mut faults = Vec::new();
        let types = self.graph.types();
        let mut cache = std::collections::HashSet::new();
        for edge in &self.plan.edges {
            let importer = edge.importer.map_or(&self.root.name, |c| &c.name);
            let (wanted, given) = (
                &self.graph[self.package(importer)?],
                &self.graph[self.package(&edge.provider.name)?],
            );
            let wanted = types[wanted.ty()].imports.get(&edge.import.to_string());
            let given = types[given.ty()].exports.get(&edge.export.to_string());
            let verdict = match (given, wanted) {
                (Some(given), Some(wanted)) => SubtypeChecker::new(&mut cache)
                    .is_subtype(*given, types, *wanted, types)
                    .map_err(|error| format!("{error:#}")),
                _ => Err("the composer does not find it".into()),
            };
            if let Err(detail) = verdict {
                faults.push(self.mismatch(edge, importer, detail));
            }
        }
        if faults.is_empty() {
            Ok(())
        } else {
            Err(ComposeError { faults })
        }
    }

    fn mismatch(&self, edge: &Edge<'_>, importer: &str, detail: String) -> Fault {
        Fault::Mismatch {
            importer: importer.into(),
            import: edge.import.clone(),
            provider: edge.provider.name.clone(),
            detail,
        }
    }

    fn failed(&self, detail: String) -> ComposeError {
        let fused = self.plan.fused.iter().map(|c| c.name.clone()).collect();
        Fault::Composer {
            root: self.root.name.clone(),
            fused,
            detail,
        }
        .into()
    }
}
