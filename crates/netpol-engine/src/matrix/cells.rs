//! Who is let through on which port: the ports of a protocol, cut where a rule begins or ends.

use super::set::ClassSet;
use crate::policy::Protocol;

/// The peers of a group, port by port.
#[derive(Clone, Debug)]
pub(super) struct PortMap {
    /// For each protocol, where a stretch of ports begins, and who is let through on it. The first begins at 0.
    protocols: [Vec<(u16, Cell)>; 3],
}

/// Who is let through.
#[derive(Clone, Debug, Default)]
pub(super) struct Cell {
    /// For sure.
    pub(super) sure: ClassSet,
    /// For sure or perhaps, where that is more.
    pub(super) may: Option<ClassSet>,
}

/// Some ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Span {
    /// Every port of every protocol.
    Everything,
    /// From the first to the last of one protocol: its place in [`Protocol::DEFINED`].
    Of(usize, u16, u16),
}

/// What a rule lets through on some ports.
#[derive(Clone, Debug)]
pub(super) struct Claim<'a> {
    pub(super) span: Span,
    pub(super) sure: std::borrow::Cow<'a, ClassSet>,
    pub(super) perhaps: Option<ClassSet>,
}

/// A protocol's place in [`Protocol::DEFINED`].
pub(super) fn place(protocol: Protocol) -> Option<usize> {
    Protocol::DEFINED.into_iter().position(|it| it == protocol)
}

// === impl PortMap ===

impl PortMap {
    /// Everyone, on every port.
    pub(super) fn open() -> Self {
        Self::cut([], |_, _| Cell::everyone())
    }

    /// All that any of the claims lets through, of so many classes.
    pub(super) fn of(claims: &[Claim<'_>], of: usize) -> Self {
        let on = |span| claims.iter().filter(move |it| it.span == span);
        let base: Vec<_> = on(Span::Everything).collect();
        let mut sweep = Sweep::new(claims);
        Self::cut(claims.iter().map(|it| it.span), |protocol, port| {
            let active = sweep.at(protocol, port);
            let here = base
                .iter()
                .copied()
                .chain(active.iter().map(|at| &claims[*at]));
            Cell::of(here, of)
        })
    }

    /// Cuts the ports where a span begins or ends, and asks who is let through on each stretch, in order.
    pub(super) fn cut(
        spans: impl IntoIterator<Item = Span>,
        mut cell: impl FnMut(usize, u16) -> Cell,
    ) -> Self {
        let mut cuts = [vec![0u16], vec![0], vec![0]];
        for span in spans {
            if let Span::Of(protocol, first, last) = span {
                cuts[protocol].push(first);
                cuts[protocol].extend(last.checked_add(1));
            }
        }
        let mut protocol = 0;
        let protocols = cuts.map(|mut cuts| {
            cuts.sort_unstable();
            cuts.dedup();
            let cells = cuts.into_iter().map(|port| (port, cell(protocol, port)));
            let cells = cells.collect();
            protocol += 1;
            cells
        });
        Self { protocols }
    }

    /// Who is let through on this port.
    pub(super) fn cell(&self, protocol: usize, port: u16) -> &Cell {
        let cells = &self.protocols[protocol];
        let after = cells.partition_point(|(first, _)| *first <= port);
        &cells[after.saturating_sub(1)].1
    }

    /// Lets one more class through on some ports. False if there is no cut where they begin and end.
    pub(super) fn insert(&mut self, span: Span, class: u32, surely: bool) -> bool {
        let (protocols, first, last) = match span {
            Span::Everything => (0..3, 0, u16::MAX),
            Span::Of(protocol, first, last) => (protocol..protocol + 1, first, last),
        };
        for protocol in protocols {
            let cells = &mut self.protocols[protocol];
            let begins = |port| cells.binary_search_by_key(&port, |it| it.0).is_ok();
            if !begins(first) || last.checked_add(1).is_some_and(|next| !begins(next)) {
                return false;
            }
            let covered = cells
                .iter_mut()
                .filter(|(port, _)| (first..=last).contains(port));
            for (_, cell) in covered {
                cell.insert(class, surely);
            }
        }
        true
    }

    /// Where the stretches of one protocol begin.
    pub(super) fn cuts(&self, protocol: Protocol) -> Vec<u16> {
        let cells = place(protocol).map(|at| &self.protocols[at]);
        cells.into_iter().flatten().map(|it| it.0).collect()
    }

    /// The stretches themselves.
    pub(super) fn spans(&self) -> Vec<Span> {
        let mut spans = Vec::new();
        for (protocol, cells) in self.protocols.iter().enumerate() {
            spans.extend(
                cells
                    .iter()
                    .map(|(first, _)| Span::Of(protocol, *first, u16::MAX)),
            );
        }
        spans
    }

    /// How many stretches of ports there are.
    pub(super) fn len(&self) -> usize {
        self.protocols.iter().map(Vec::len).sum()
    }
}

// === impl Cell ===

impl Cell {
    fn everyone() -> Self {
        Self {
            sure: ClassSet::All,
            may: None,
        }
    }

    fn of<'a>(claims: impl Iterator<Item = &'a Claim<'a>> + Clone, of: usize) -> Self {
        let sure = ClassSet::union(claims.clone().map(|it| it.sure.as_ref()), of);
        let mut perhaps = claims.filter_map(|it| it.perhaps.as_ref()).peekable();
        let may = perhaps
            .peek()
            .is_some()
            .then(|| ClassSet::union(perhaps.chain([&sure]), of));
        Self { sure, may }
    }

    /// For sure, and at all.
    pub(super) fn answers(&self, class: u32) -> (bool, bool) {
        let sure = self.sure.contains(class);
        (sure, sure || self.may().contains(class))
    }

    /// For sure or perhaps.
    pub(super) fn may(&self) -> &ClassSet {
        self.may.as_ref().unwrap_or(&self.sure)
    }

    fn insert(&mut self, class: u32, surely: bool) {
        if surely {
            self.sure.insert(class);
        } else if self.may.is_none() {
            self.may = Some(self.sure.clone());
        }
        if let Some(may) = &mut self.may {
            may.insert(class);
        }
    }
}

/// The claims that are on at a port, while the ports of one protocol after the other are gone through in order.
struct Sweep {
    starts: [Vec<(u16, u16, usize)>; 3],
    next: [usize; 3],
    active: Vec<usize>,
    ends: Vec<u16>,
    protocol: usize,
}

impl Sweep {
    fn new(claims: &[Claim<'_>]) -> Self {
        let mut starts = [Vec::new(), Vec::new(), Vec::new()];
        for (at, claim) in claims.iter().enumerate() {
            if let Span::Of(protocol, first, last) = claim.span {
                starts[protocol].push((first, last, at));
            }
        }
        for starts in &mut starts {
            starts.sort_unstable();
        }
        Self {
            starts,
            next: [0; 3],
            active: Vec::new(),
            ends: Vec::new(),
            protocol: 0,
        }
    }

    fn at(&mut self, protocol: usize, port: u16) -> &[usize] {
        if protocol != self.protocol {
            self.protocol = protocol;
            self.active.clear();
            self.ends.clear();
        }
        let mut keep = self.ends.iter().map(|end| *end >= port);
        self.active.retain(|_| keep.next().unwrap_or(false));
        self.ends.retain(|end| *end >= port);
        while let Some((first, last, at)) = self.starts[protocol].get(self.next[protocol]) {
            if *first > port {
                break;
            }
            self.next[protocol] += 1;
            self.active.push(*at);
            self.ends.push(*last);
        }
        &self.active
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    fn claim(span: Span, classes: &[u32]) -> Claim<'static> {
        Claim {
            span,
            sure: Cow::Owned(ClassSet::of(classes.to_vec(), 10)),
            perhaps: None,
        }
    }

    fn who(map: &PortMap, protocol: usize, port: u16) -> Vec<u32> {
        (0..10)
            .filter(|it| map.cell(protocol, port).answers(*it).0)
            .collect()
    }

    #[test]
    fn ports_are_cut_where_rules_begin_and_end() {
        let claims = [
            claim(Span::Everything, &[0]),
            claim(Span::Of(0, 80, 80), &[1]),
            claim(Span::Of(0, 80, 90), &[2]),
            claim(Span::Of(0, 0, u16::MAX), &[3]),
            claim(Span::Of(1, 53, 53), &[4]),
            claim(Span::Of(0, 90, u16::MAX), &[5]),
        ];
        let mut map = PortMap::of(&claims, 10);
        for (port, expected) in [
            (0, &[0, 3][..]),
            (79, &[0, 3]),
            (80, &[0, 1, 2, 3]),
            (81, &[0, 2, 3]),
            (90, &[0, 2, 3, 5]),
            (91, &[0, 3, 5]),
            (u16::MAX, &[0, 3, 5]),
        ] {
            assert_eq!(who(&map, 0, port), expected, "{port}");
        }
        assert_eq!(who(&map, 1, 53), [0, 4]);
        assert_eq!(who(&map, 2, 53), [0]);
        assert!(map.insert(Span::Of(0, 80, 90), 6, true));
        assert!(!map.insert(Span::Of(0, 70, 90), 7, true));
        assert!(map.insert(Span::Of(1, 53, 53), 8, false));
        assert_eq!(who(&map, 0, 85), [0, 2, 3, 6]);
        assert_eq!(map.cell(1, 53).answers(8), (false, true));
        assert_eq!(PortMap::open().cell(2, 9).answers(3), (true, true));
    }
}
