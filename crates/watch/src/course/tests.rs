use super::*;

fn point(second: u32) -> Point {
    Point(f64::from(second), 10.0, 1.0, 8.0, 0.5, 1.5)
}

#[test]
fn a_long_run_stays_small_and_keeps_its_beginning() {
    let mut course = Course::default();
    for second in 0..100_000 {
        course.add(point(second));
    }
    assert!(course.recent.len() <= 300 && course.run.len() < 300);
    assert_eq!(course.recent.last().unwrap().0, 99_999.0);
    // 100,000 seconds in fewer than 300 points.
    assert_eq!(course.each, 512);
    assert!(course.run[0].0 < 1_024.0);
    for pair in course.run.windows(2) {
        assert!(pair[0].0 < pair[1].0);
    }
    // A mean of equal figures is the figure.
    assert!(
        course
            .run
            .iter()
            .all(|p| (p.1 - 10.0).abs() < 1e-9 && (p.4 - 0.5).abs() < 1e-9)
    );
}

#[test]
fn a_points_figures_are_rounded_for_the_eye() {
    let rates = Rates {
        blocks_stored: 1.0 / 3.0,
        bytes_stored: 2_000_000.0,
        ..Rates::default()
    };
    assert_eq!(
        Point::new(1.25, &rates),
        Point(1.25, 0.333, 2.0, 0.0, 0.0, 0.0)
    );
}
