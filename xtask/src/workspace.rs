//! What the workspace consists of, as cargo sees it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;
use xshell::{Shell, cmd};

use crate::process::cargo;

/// The packages, and where they and their build output lie.
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    pub(crate) target: PathBuf,
    pub(crate) packages: Vec<Package>,
}

/// One package of the workspace.
pub(crate) struct Package {
    pub(crate) name: String,
    /// Its features, without `default`.
    pub(crate) features: Vec<String>,
    pub(crate) targets: Vec<Target>,
}

/// A library, binary, test or example of a package.
#[derive(Deserialize)]
pub(crate) struct Target {
    pub(crate) name: String,
    pub(crate) kind: Vec<String>,
    #[serde(default, rename = "required-features")]
    pub(crate) required_features: Vec<String>,
    pub(crate) src_path: PathBuf,
}

#[derive(Deserialize)]
struct Metadata {
    workspace_root: PathBuf,
    target_directory: PathBuf,
    packages: Vec<RawPackage>,
}

#[derive(Deserialize)]
struct RawPackage {
    name: String,
    features: std::collections::BTreeMap<String, Vec<String>>,
    targets: Vec<Target>,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    kind: Option<String>,
}

impl Workspace {
    /// Asks cargo for the workspace that this program belongs to.
    pub(crate) fn load() -> Result<Self> {
        let here = std::env::var("CARGO_MANIFEST_DIR")
            .unwrap_or_else(|_| env!("CARGO_MANIFEST_DIR").to_owned());
        let sh = Shell::new()?;
        sh.change_dir(here);
        let cargo = cargo();
        let json = cmd!(sh, "{cargo} metadata --no-deps --format-version 1")
            .quiet()
            .read()?;
        Self::from_json(&json)
    }

    fn from_json(json: &str) -> Result<Self> {
        let metadata: Metadata =
            serde_json::from_str(json).context("reading the output of cargo metadata")?;
        let packages = lowest_layer_first(metadata.packages)
            .into_iter()
            .map(Package::from)
            .collect();
        Ok(Self {
            root: metadata.workspace_root,
            target: metadata.target_directory,
            packages,
        })
    }

    /// The package called `name`.
    pub(crate) fn package(&self, name: &str) -> Result<&Package> {
        self.packages
            .iter()
            .find(|p| p.name == name)
            .with_context(|| format!("no package `{name}` in this workspace"))
    }

    /// A shell that stands in the root.
    pub(crate) fn shell(&self) -> Result<Shell> {
        let sh = Shell::new()?;
        sh.change_dir(&self.root);
        Ok(sh)
    }

    /// `path` as it is written from the root, with `/` on every system.
    pub(crate) fn relative(&self, path: &Path) -> String {
        let path = path.strip_prefix(&self.root).unwrap_or(path);
        path.to_string_lossy().replace('\\', "/")
    }
}

impl From<RawPackage> for Package {
    fn from(raw: RawPackage) -> Self {
        let mut features: Vec<String> = raw.features.into_keys().collect();
        features.retain(|f| f != "default");
        let mut targets = raw.targets;
        targets.sort_by(|a, b| a.name.cmp(&b.name));
        Self {
            name: raw.name,
            features,
            targets,
        }
    }
}

impl Package {
    /// The integration tests whose name starts with `prefix`.
    pub(crate) fn tests(&self, prefix: &str) -> impl Iterator<Item = &Target> {
        self.targets
            .iter()
            .filter(move |t| t.is("test") && t.name.starts_with(prefix))
    }

    /// The examples.
    pub(crate) fn examples(&self) -> impl Iterator<Item = &Target> {
        self.targets.iter().filter(|t| t.is("example"))
    }

    /// Whether the package has a library.
    pub(crate) fn has_library(&self) -> bool {
        self.targets.iter().any(|t| t.is("lib"))
    }

    /// The cargo arguments of each feature combination that matters: none, each alone, all.
    pub(crate) fn feature_sets(&self) -> Vec<Vec<String>> {
        let mut sets = vec![vec![]];
        if self.features.len() > 1 {
            for feature in &self.features {
                sets.push(vec!["--features".to_owned(), feature.clone()]);
            }
        }
        if !self.features.is_empty() {
            sets.push(vec!["--all-features".to_owned()]);
        }
        sets
    }
}

impl Target {
    fn is(&self, kind: &str) -> bool {
        self.kind.iter().any(|k| k == kind)
    }
}

/// Orders the packages so that each stands after those it depends on: a fault shows in the
/// lowest layer that has it.
fn lowest_layer_first(mut packages: Vec<RawPackage>) -> Vec<RawPackage> {
    let mut ordered: Vec<RawPackage> = Vec::new();
    while !packages.is_empty() {
        let waits = |p: &RawPackage| {
            p.dependencies.iter().any(|d| {
                d.kind.as_deref() != Some("dev") && packages.iter().any(|q| q.name == d.name)
            })
        };
        // A cycle cannot be built; the first one then stands in for the next.
        let next = packages.iter().position(|p| !waits(p)).unwrap_or(0);
        ordered.push(packages.remove(next));
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::Workspace;

    #[test]
    fn a_package_stands_after_those_it_depends_on() {
        let json = r#"{
            "workspace_root": "/r", "target_directory": "/r/target",
            "packages": [
                {"name": "top", "targets": [],
                 "features": {"a": [], "b": [], "default": []},
                 "dependencies": [{"name": "low", "kind": null}]},
                {"name": "low", "targets": [{"name": "loom_x", "kind": ["test"], "src_path": "/r/low/tests/loom_x.rs"}],
                 "features": {}, "dependencies": [{"name": "top", "kind": "dev"}]}
            ]}"#;
        let workspace = Workspace::from_json(json).unwrap();
        let names: Vec<_> = workspace.packages.iter().map(|p| &*p.name).collect();
        assert_eq!(names, ["low", "top"]);
        assert_eq!(workspace.packages[0].tests("loom_").count(), 1);
        assert_eq!(workspace.packages[0].feature_sets(), [Vec::<String>::new()]);
        assert_eq!(
            workspace.packages[1].feature_sets(),
            [
                vec![],
                vec!["--features".to_owned(), "a".to_owned()],
                vec!["--features".to_owned(), "b".to_owned()],
                vec!["--all-features".to_owned()],
            ]
        );
    }
}
