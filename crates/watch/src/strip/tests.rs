use super::*;

fn asked(height: u32, peer: u64, late: bool) -> InFlight {
    InFlight {
        height,
        peer,
        waited: 1000,
        late,
    }
}

/// Blocks of each state within the strip, as the cells have them.
fn sums(strip: &Strip) -> [u32; 6] {
    strip.cells.iter().fold([0; 6], |mut sums, cell| {
        sums.iter_mut()
            .zip(cell.0)
            .for_each(|(sum, count)| *sum += count);
        sums
    })
}

#[test]
fn every_block_is_in_one_state_of_one_cell() {
    let shape = Shape {
        verified: 1_000,
        connected: 1_010,
        front: 1_051,
        blocks: 200,
        open: vec![(1_100, 1_199), (1_210, 1_250)],
        in_flight: vec![asked(1_051, 3, true), asked(1_200, 4, false)],
        received: vec![1_052, 1_053],
    };
    let strip = Strip::of(&shape);
    assert_eq!(strip.last, 1_250);
    assert_eq!(strip.per_cell, 1);
    let verified = 1_000 - strip.first + 1;
    assert!(verified > 0, "a little of what is done is shown, too");
    // 200 blocks of the window: 141 wanted, 2 in flight, 2 received, the rest stored; 50 stored before it, 10 connected.
    assert_eq!(strip.counts, [verified, 10, 40 + 55, 2, 2, 141]);
    assert_eq!(strip.counts, sums(&strip));
    let blocks: u32 = strip.counts.iter().sum();
    assert_eq!(blocks, strip.last - strip.first + 1);
    let at = |height: u32| strip.cells[(height - strip.first) as usize];
    assert_eq!(at(1_051).peer(), Some(3));
    assert!(at(1_051).is_late() && !at(1_200).is_late());
    assert_eq!(STATES[at(1_005).mostly()], "connected");
    assert_eq!(
        strip.front.map(|front| (front.height, front.peer)),
        Some((1_051, 3))
    );
}

#[test]
fn the_widest_window_fits_and_one_late_block_of_it_is_seen() {
    let shape = Shape {
        verified: 500_000,
        connected: 500_100,
        front: 500_500,
        blocks: 16_384,
        open: vec![(504_000, 516_883)],
        in_flight: vec![asked(500_500, 7, true), asked(503_000, 8, false)],
        received: Vec::new(),
    };
    let strip = Strip::of(&shape);
    assert!(
        strip.cells.len() <= MOST_CELLS as usize,
        "{}",
        strip.cells.len()
    );
    assert_eq!(strip.first % strip.per_cell, 0);
    assert_eq!(strip.counts, sums(&strip));
    let late: Vec<&Cell> = strip.cells.iter().filter(|cell| cell.is_late()).collect();
    assert_eq!(late.len(), 1);
    assert_eq!(late[0].peer(), Some(7));
    assert_eq!(late[0].counts()[4], 1);
}

#[test]
fn cells_stay_where_they_are_while_the_window_slides() {
    let shape = |front: u32| Shape {
        verified: front - 10,
        connected: front - 5,
        front,
        blocks: 4_000,
        ..Shape::default()
    };
    let (before, after) = (Strip::of(&shape(20_000)), Strip::of(&shape(20_003)));
    assert_eq!(before.per_cell, after.per_cell);
    assert_eq!(before.first % before.per_cell, after.first % after.per_cell);
}

#[test]
fn what_waits_for_validation_is_cut_and_counted() {
    let shape = Shape {
        verified: 1_000,
        connected: 1_000,
        front: 300_000,
        blocks: 1_000,
        ..Shape::default()
    };
    let strip = Strip::of(&shape);
    assert!(strip.left_out > 290_000);
    assert_eq!(strip.left_out, strip.first - 1_001);
    assert!(strip.cells.len() <= MOST_CELLS as usize);
    assert_eq!(strip.counts[0], 0);
}

#[test]
fn a_chain_that_is_synced_shows_its_last_blocks() {
    let shape = Shape {
        verified: 900_000,
        connected: 900_000,
        front: 900_001,
        blocks: 0,
        ..Shape::default()
    };
    let strip = Strip::of(&shape);
    assert_eq!(strip.last, 900_000);
    assert!(strip.cells.len() >= 96);
    assert_eq!(strip.counts[0], strip.last - strip.first + 1);
}

#[test]
fn the_genesis_block_alone_is_a_strip_of_one_cell() {
    let strip = Strip::of(&Shape {
        front: 1,
        ..Shape::default()
    });
    assert_eq!((strip.first, strip.last, strip.cells.len()), (0, 0, 1));
    assert_eq!(strip.counts, [1, 0, 0, 0, 0, 0]);
}

#[test]
fn a_block_that_two_peers_owe_is_one_block() {
    let shape = Shape {
        front: 1,
        blocks: 2,
        in_flight: vec![asked(1, 5, true), asked(1, 6, false)],
        open: vec![(2, 2)],
        ..Shape::default()
    };
    let strip = Strip::of(&shape);
    assert_eq!(strip.counts, [1, 0, 0, 0, 1, 1]);
    assert_eq!(strip.front.map(|front| front.peer), Some(5));
}

#[test]
fn figures_of_different_moments_do_no_harm() {
    // The driver's front is older than what was connected since.
    let shape = Shape {
        verified: 120,
        connected: 130,
        front: 101,
        blocks: 50,
        open: vec![(101, 150)],
        in_flight: vec![asked(5_000_000, 1, false)],
        received: vec![7, 4_000_000],
    };
    let strip = Strip::of(&shape);
    let blocks: u32 = sums(&strip).iter().sum();
    assert_eq!(blocks, strip.last - strip.first + 1);
}
