//! Places nodes in layers: ranks by longest path, order by barycentre, then columns that pull neighbours together.
//!
//! Edges that lead back are kept out of the layering and drawn at the side. Edges over several layers pass through
//! invisible places in each, so that they cross no node. Every node that ends the flow gets an end of its own.

use crate::compile::{FlowView, ViewNode};

/// Space between two places of a layer.
const GAP_X: f64 = 36.0;
/// Space between two layers; labels stand in it.
const GAP_Y: f64 = 78.0;
/// Width of a place an edge passes through.
const PASS: f64 = 10.0;
/// Width of an end.
const END: f64 = 18.0;

/// What stands at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// A node of the flow.
    Node(usize),
    /// An end.
    End,
    /// Nothing: an edge passes.
    Pass,
}

/// Something placed.
#[derive(Debug, Clone)]
pub struct Place {
    pub content: Content,
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

/// An edge and the places it runs through.
#[derive(Debug, Clone)]
pub struct Line {
    /// Node it comes from.
    pub from: usize,
    /// Its number among the node's edges.
    pub edge: usize,
    /// Places, both ends included.
    pub through: Vec<usize>,
    /// Leads to a layer above, or to its own node.
    pub back: bool,
}

/// A picture's places.
#[derive(Debug)]
pub struct Layout {
    pub places: Vec<Place>,
    pub lines: Vec<Line>,
    pub width: f64,
    pub height: f64,
}

/// Width and height of a node's box.
pub fn size(node: &ViewNode) -> (f64, f64) {
    let chars = |text: &str| f64::from(u32::try_from(text.chars().count()).unwrap_or(u32::MAX));
    let width = (chars(&node.id) * 8.4)
        .max(chars(&node.operation) * 6.7)
        .max(chars(&node.detail) * 6.1);
    (
        width + 40.0,
        if node.detail.is_empty() { 48.0 } else { 66.0 },
    )
}

/// Lays a flow out.
pub fn layout(view: &FlowView) -> Layout {
    let back = back_edges(view);
    let ranks = ranks(view, &back);
    let mut places: Vec<Place> = Vec::new();
    let mut layers: Vec<Vec<usize>> = Vec::new();
    let mut put = |places: &mut Vec<Place>, content, rank: usize, width, height| {
        if layers.len() <= rank {
            layers.resize(rank + 1, Vec::new());
        }
        let index = places.len();
        places.push(Place {
            content,
            x: 0.0,
            y: 0.0,
            width,
            height,
        });
        if let Some(layer) = layers.get_mut(rank) {
            layer.push(index);
        }
        index
    };
    for (index, node) in view.nodes.iter().enumerate() {
        let (width, height) = size(node);
        put(
            &mut places,
            Content::Node(index),
            ranks.get(index).copied().unwrap_or(0),
            width,
            height,
        );
    }
    let mut lines = Vec::new();
    for (from, node) in view.nodes.iter().enumerate() {
        let rank = ranks.get(from).copied().unwrap_or(0);
        let mut end = None;
        for (edge, out) in node.edges.iter().enumerate() {
            let Some(to) = out.to else {
                let end =
                    *end.get_or_insert_with(|| put(&mut places, Content::End, rank + 1, END, END));
                lines.push(Line {
                    from,
                    edge,
                    through: vec![from, end],
                    back: false,
                });
                continue;
            };
            if back.contains(&(from, edge)) {
                lines.push(Line {
                    from,
                    edge,
                    through: vec![from, to],
                    back: true,
                });
                continue;
            }
            let mut through = vec![from];
            for between in rank + 1..ranks.get(to).copied().unwrap_or(0) {
                through.push(put(&mut places, Content::Pass, between, PASS, 1.0));
            }
            through.push(to);
            lines.push(Line {
                from,
                edge,
                through,
                back: false,
            });
        }
    }
    let links: Vec<(usize, usize)> = lines
        .iter()
        .filter(|line| !line.back)
        .flat_map(|line| {
            line.through
                .iter()
                .copied()
                .zip(line.through.iter().copied().skip(1))
        })
        .collect();
    order(&mut layers, &links, places.len());
    columns(&mut places, &layers, &links);
    rows(&mut places, &layers);
    let left = places
        .iter()
        .map(|place| place.x)
        .fold(f64::INFINITY, f64::min);
    for place in &mut places {
        place.x -= left;
    }
    let width = places
        .iter()
        .map(|place| place.x + place.width)
        .fold(0.0, f64::max);
    let height = places
        .iter()
        .map(|place| place.y + place.height)
        .fold(0.0, f64::max);
    Layout {
        places,
        lines,
        width,
        height,
    }
}

/// Edges that close a loop, found by a depth-first walk from the start.
fn back_edges(view: &FlowView) -> Vec<(usize, usize)> {
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        New,
        Open,
        Done,
    }
    let mut marks = vec![Mark::New; view.nodes.len()];
    let mut back = Vec::new();
    let roots = std::iter::once(view.start).chain(0..view.nodes.len());
    for root in roots {
        if marks.get(root) != Some(&Mark::New) {
            continue;
        }
        let mut stack = vec![(root, 0)];
        if let Some(mark) = marks.get_mut(root) {
            *mark = Mark::Open;
        }
        while let Some((node, edge)) = stack.pop() {
            let Some(out) = view.nodes.get(node).and_then(|node| node.edges.get(edge)) else {
                if let Some(mark) = marks.get_mut(node) {
                    *mark = Mark::Done;
                }
                continue;
            };
            stack.push((node, edge + 1));
            let Some(to) = out.to else { continue };
            match marks.get_mut(to) {
                Some(mark @ Mark::New) => {
                    *mark = Mark::Open;
                    stack.push((to, 0));
                }
                Some(Mark::Open) => back.push((node, edge)),
                _ => {}
            }
        }
    }
    back
}

/// Longest path from a start, without the edges that lead back.
fn ranks(view: &FlowView, back: &[(usize, usize)]) -> Vec<usize> {
    let mut ranks = vec![0_usize; view.nodes.len()];
    // Each round settles at least one more layer.
    for _ in 0..view.nodes.len() {
        let mut changed = false;
        for (from, node) in view.nodes.iter().enumerate() {
            let next = ranks.get(from).copied().unwrap_or(0) + 1;
            for (edge, out) in node.edges.iter().enumerate() {
                if let Some(to) = out.to.filter(|_| !back.contains(&(from, edge)))
                    && let Some(rank) = ranks.get_mut(to)
                    && *rank < next
                {
                    *rank = next;
                    changed = true;
                }
            }
        }
        if !changed {
            break;
        }
    }
    ranks
}

/// Orders each layer by the mean position of its neighbours, down and up in turn.
fn order(layers: &mut [Vec<usize>], links: &[(usize, usize)], count: usize) {
    let mut position = vec![0.0_f64; count];
    let number = |index: usize| f64::from(u32::try_from(index).unwrap_or(u32::MAX));
    for round in 0..8 {
        let down = round % 2 == 0;
        let sweep: Vec<usize> = if down {
            (0..layers.len()).collect()
        } else {
            (0..layers.len()).rev().collect()
        };
        for rank in sweep {
            let Some(layer) = layers.get_mut(rank) else {
                continue;
            };
            let mut keyed: Vec<(f64, usize)> = layer
                .iter()
                .enumerate()
                .map(|(at, place)| {
                    let near: Vec<f64> = links
                        .iter()
                        .filter_map(|(from, to)| match down {
                            true => (to == place).then(|| position.get(*from)).flatten(),
                            false => (from == place).then(|| position.get(*to)).flatten(),
                        })
                        .copied()
                        .collect();
                    let mean = near.iter().sum::<f64>() / number(near.len()).max(1.0);
                    (if near.is_empty() { number(at) } else { mean }, *place)
                })
                .collect();
            keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
            *layer = keyed.iter().map(|(_, place)| *place).collect();
            for (at, place) in layer.iter().enumerate() {
                if let Some(position) = position.get_mut(*place) {
                    *position = number(at);
                }
            }
        }
    }
}

/// Gives every place its column: first side by side, then pulled to the middle of its neighbours without overlap.
fn columns(places: &mut [Place], layers: &[Vec<usize>], links: &[(usize, usize)]) {
    for layer in layers {
        let mut x = 0.0;
        for index in layer {
            if let Some(place) = places.get_mut(*index) {
                place.x = x;
                x += place.width + GAP_X;
            }
        }
        let half = (x - GAP_X) / 2.0;
        for index in layer {
            if let Some(place) = places.get_mut(*index) {
                place.x -= half;
            }
        }
    }
    for round in 0..12 {
        let sweep: Vec<&Vec<usize>> = if round % 2 == 0 {
            layers.iter().collect()
        } else {
            layers.iter().rev().collect()
        };
        for layer in sweep {
            let wanted: Vec<f64> = layer
                .iter()
                .map(|index| wish(*index, places, links))
                .collect();
            settle(layer, &wanted, places);
        }
    }
}

/// The left edge at which a place stands in the middle of its neighbours.
fn wish(index: usize, places: &[Place], links: &[(usize, usize)]) -> f64 {
    let Some(own) = places.get(index) else {
        return 0.0;
    };
    let mut sum = 0.0;
    let mut count = 0.0;
    for (from, to) in links {
        let other = match index {
            _ if *from == index => *to,
            _ if *to == index => *from,
            _ => continue,
        };
        if let Some(other) = places.get(other) {
            sum += other.x + other.width / 2.0;
            count += 1.0;
        }
    }
    if count == 0.0 {
        own.x
    } else {
        sum / count - own.width / 2.0
    }
}

/// Moves a layer's places as near to their wishes as their order and gaps allow.
fn settle(layer: &[usize], wanted: &[f64], places: &mut [Place]) {
    let mut left: Vec<f64> = Vec::with_capacity(layer.len());
    let mut edge = f64::NEG_INFINITY;
    for (index, wish) in layer.iter().zip(wanted) {
        let x = wish.max(edge);
        left.push(x);
        edge = x + places.get(*index).map_or(0.0, |place| place.width) + GAP_X;
    }
    let mut right: Vec<f64> = Vec::with_capacity(layer.len());
    let mut edge = f64::INFINITY;
    for (index, wish) in layer.iter().zip(wanted).rev() {
        let width = places.get(*index).map_or(0.0, |place| place.width);
        let x = wish.min(edge - width - GAP_X);
        right.push(x);
        edge = x;
    }
    for ((index, left), right) in layer.iter().zip(left).zip(right.into_iter().rev()) {
        if let Some(place) = places.get_mut(*index) {
            place.x = f64::midpoint(left, right);
        }
    }
}

fn rows(places: &mut [Place], layers: &[Vec<usize>]) {
    let mut y = 0.0;
    for layer in layers {
        let height = layer
            .iter()
            .filter_map(|index| places.get(*index))
            .map(|place| place.height)
            .fold(0.0, f64::max);
        for index in layer {
            if let Some(place) = places.get_mut(*index) {
                place.y = match place.content {
                    Content::End => y,
                    _ => y + (height - place.height) / 2.0,
                };
            }
        }
        y += height + GAP_Y;
    }
}
