//! Finding the subsets of hosts.

use std::sync::Arc;

use super::settings::{value, Selector, SubsetSettings};
use super::{Node, Subset, Subsets};
use crate::lb::criteria::text;
use crate::lb::{LbSettings, Local, Prepared};
use crate::upstream::{Host, HostSets, LocalityHosts, PriorityHosts};

/// Where a host stands among all: the indices of its priority and of its locality there.
type Place = (usize, usize);

/// Names and values (as JSON) that the hosts of a subset have.
type Path = Vec<(Box<str>, Box<str>)>;

/// A subset whose hosts are still being found.
struct Found {
    path: Path,
    single: bool,
    hosts: Vec<(Place, Arc<Host>)>,
}

pub(super) fn build(
    sets: &Arc<HostSets>,
    settings: &Arc<SubsetSettings>,
    lb: &LbSettings,
    local: Option<&Local<'_>>,
    previous: Option<&Subsets>,
) -> Subsets {
    let inner = LbSettings {
        locality_weighted: lb.locality_weighted && settings.locality_weight_aware,
        ..*lb
    };
    let finding = find(sets, settings);
    let old = |found: &Found| {
        let path = found.path.iter().map(|(name, value)| (&**name, &**value));
        previous.and_then(|previous| Some((previous, previous.root.find(path)?)))
    };
    let kept = finding.found.iter().filter(|found| old(found).is_some()).count() as u64;
    let prepare = |found: &Found| match found.hosts.first() {
        Some((_, host)) if found.single => Subset::One(host.clone()),
        _ => {
            let old = old(found).and_then(|(previous, index)| previous.prepared(index));
            let part = Arc::new(part(sets, &found.hosts, settings));
            Subset::Hosts(Arc::new(Prepared::new(part, &inner, local, old)))
        }
    };
    let subsets: Vec<_> = finding.found.iter().map(prepare).collect();
    let prepare = |part: Arc<HostSets>, old: Option<&Arc<Prepared>>| {
        Arc::new(Prepared::new(part, &inner, local, old.map(|old| &**old)))
    };
    let any = settings
        .uses_any()
        .then(|| prepare(sets.clone(), previous.and_then(|previous| previous.any.as_ref())));
    let default = settings.uses_default().then(|| {
        let before = previous.and_then(|previous| previous.default.as_ref());
        prepare(Arc::new(default_part(sets, settings)), before)
    });
    let before = previous.map_or(0, |previous| previous.subsets.len() as u64);
    Subsets {
        settings: settings.clone(),
        inner,
        root: finding.root,
        created: subsets.len() as u64 - kept,
        removed: before - kept,
        subsets,
        any,
        default,
        duplicates: finding.duplicates,
    }
}

/// Puts each host into the subsets that the selectors make of it.
fn find(sets: &HostSets, settings: &SubsetSettings) -> Finding {
    let mut finding = Finding { root: Node::default(), found: Vec::new(), duplicates: 0 };
    for (place, host) in places(sets) {
        for selector in &settings.selectors {
            for path in paths(host, selector, settings.list_as_any) {
                finding.add(path, selector.single_host, place, host);
            }
        }
    }
    finding
}

fn default_part(sets: &HostSets, settings: &SubsetSettings) -> HostSets {
    let hosts = places(sets).filter(|(_, host)| settings.is_default(host));
    let hosts: Vec<_> = hosts.map(|(place, host)| (place, host.clone())).collect();
    part(sets, &hosts, settings)
}

impl Subsets {
    fn prepared(&self, index: usize) -> Option<&Prepared> {
        match self.subsets.get(index)? {
            Subset::Hosts(prepared) => Some(prepared),
            Subset::One(_) => None,
        }
    }
}

struct Finding {
    root: Node,
    found: Vec<Found>,
    duplicates: u64,
}

impl Finding {
    /// Puts a host into the subset at `path`. Whether it is one of a single host is what the first selector
    /// says that finds it.
    fn add(&mut self, path: Path, single: bool, place: Place, host: &Arc<Host>) {
        let mut node = &mut self.root;
        for (name, value) in &path {
            let values = node.children.entry(name.clone()).or_default();
            node = values.entry(value.clone()).or_default();
        }
        let index = *node.subset.get_or_insert(self.found.len());
        if index == self.found.len() {
            self.found.push(Found { path, single, hosts: Vec::new() });
        }
        let found = &mut self.found[index];
        match found.hosts.last() {
            Some(_) if found.single => self.duplicates += 1,
            Some((_, last)) if Arc::ptr_eq(last, host) => {}
            _ => found.hosts.push((place, host.clone())),
        }
    }
}

fn places(sets: &HostSets) -> impl Iterator<Item = (Place, &Arc<Host>)> {
    sets.priorities.iter().enumerate().flat_map(|(priority, hosts)| {
        hosts.localities.iter().enumerate().flat_map(move |(locality, hosts)| {
            hosts.hosts.iter().map(move |host| ((priority, locality), host))
        })
    })
}

/// The subsets of a selector that a host belongs to: several if its values are lists that stand for any of
/// their items, none if it lacks one of the names.
fn paths(host: &Host, selector: &Selector, list_as_any: bool) -> Vec<Path> {
    let mut paths = vec![Path::new()];
    for key in &selector.keys {
        let Some(found) = value(host, key) else { return Vec::new() };
        let values = match found.as_array() {
            Some(items) if list_as_any => &items[..],
            _ => std::slice::from_ref(found),
        };
        let longer = |path: Path| {
            let add = |value| [&path[..], &[(key.clone(), text(value))]].concat();
            values.iter().map(add).collect::<Vec<_>>()
        };
        paths = paths.into_iter().flat_map(longer).collect();
    }
    paths.retain(|path| !path.is_empty());
    paths
}

/// The host sets with these hosts alone, which are in the order of their places.
fn part(sets: &HostSets, hosts: &[(Place, Arc<Host>)], settings: &SubsetSettings) -> HostSets {
    let mut priorities: Vec<_> = sets.priorities.iter().map(|_| PriorityHosts::default()).collect();
    for group in hosts.chunk_by(|(a, _), (b, _)| a == b) {
        let (priority, locality) = group[0].0;
        let whole = &sets.priorities[priority].localities[locality];
        priorities[priority].localities.push(LocalityHosts {
            locality: whole.locality.clone(),
            weight: match settings.scale_locality_weight {
                true => scaled(whole.weight, group.len(), whole.hosts.len()),
                false => whole.weight,
            },
            hosts: group.iter().map(|(_, host)| host.clone()).collect(),
        });
    }
    HostSets {
        priorities,
        overprovisioning_factor: sets.overprovisioning_factor,
        weighted_priority_health: sets.weighted_priority_health,
        drop_share: sets.drop_share,
        slots: sets.slots,
    }
}

/// The weight of a locality of which a part is left.
fn scaled(weight: u32, part: usize, all: usize) -> u32 {
    (f64::from(weight) * part as f64 / all as f64).round() as u32
}
