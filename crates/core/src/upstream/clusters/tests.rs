use std::rc::Rc;

use super::Clusters;
use crate::upstream::testing::*;

#[test]
fn clusters_are_made_when_first_used() {
    run(|upstream| async move {
        let clusters = Clusters::new(upstream.clone());
        clusters.set(shared(&message(&[])));
        assert_eq!(upstream.registry.all().len(), 0);
        let (first, again) = (clusters.get("c").unwrap(), clusters.get("c").unwrap());
        assert!(Rc::ptr_eq(&first, &again));
        assert_eq!(upstream.registry.all().len(), 1);
        assert!(clusters.get("d").is_none());
    });
}

#[test]
fn a_replaced_or_removed_cluster_closes_its_idle_connections() {
    run(|upstream| async move {
        let (listener, address) = listen().await;
        let clusters = Clusters::new(upstream);
        for replaced in [true, false] {
            clusters.set(shared(&message(&[address])));
            let cluster = clusters.get("c").unwrap();
            cluster.connection().await.release(true);
            match replaced {
                true => clusters.set(shared(&message(&[address]))),
                false => assert!(clusters.remove("c")),
            }
            assert!(closed(&mut accept(&listener).await).await);
        }
        assert!(clusters.is_empty() && !clusters.remove("c"));
    });
}

#[test]
fn clusters_without_traffic_take_notice_of_changed_hosts() {
    run(|upstream| async move {
        let (listener, address) = listen().await;
        let clusters = Clusters::new(upstream);
        clusters.set(shared(&message(&[address])));
        let cluster = clusters.get("c").unwrap();
        cluster.connection().await.release(true);
        assert_eq!(cluster.shared().set_endpoints(&endpoints(&[])), Ok(true));
        clusters.refresh();
        assert!(closed(&mut accept(&listener).await).await);
    });
}
