use super::*;

/// Time that passes on tokio's clock while so many tasks pass so many pieces each.
async fn takes(limit: &Limit, tasks: usize, pieces: usize, bytes: usize) -> Duration {
    let began = Instant::now();
    let passing = (0..tasks).map(|_| {
        let limit = limit.clone();
        tokio::spawn(async move {
            for _ in 0..pieces {
                limit.passed(bytes).await;
            }
        })
    });
    for task in passing.collect::<Vec<_>>() {
        task.await.expect("a task that does not panic");
    }
    began.elapsed()
}

#[tokio::test(start_paused = true)]
async fn all_connections_together_keep_to_it() {
    let limit = Limit::new(100_000);
    let took = takes(&limit, 8, 25, 5_000).await.as_secs_f64();
    assert!((took - 10.0).abs() < 0.05, "{took}");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_made_up_for_after_a_pause() {
    let limit = Limit::new(100_000);
    tokio::time::sleep(Duration::from_secs(100)).await;
    let took = takes(&limit, 1, 10, 10_000).await.as_secs_f64();
    assert!((took - 1.0).abs() < 0.05, "{took}");
}

#[tokio::test(start_paused = true)]
async fn small_messages_pass_at_once_and_are_counted() {
    let limit = Limit::new(1_000);
    assert_eq!(takes(&limit, 1, 10, 100).await, Duration::ZERO);
    let took = takes(&limit, 1, 1, 2_000).await.as_secs_f64();
    assert!((took - 3.0).abs() < 0.05, "{took}");
}

#[tokio::test(start_paused = true)]
async fn without_a_limit_nothing_waits() {
    let limit = Limit::new(0);
    assert_eq!(takes(&limit, 4, 100, 1 << 20).await, Duration::ZERO);
    assert_eq!(limit.piece(), 256 * 1024);
    assert_eq!(Limit::new(1).piece(), 1024);
    assert_eq!(Limit::new(1_000_000).piece(), 50_000);
}
