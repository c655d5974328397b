"""Aggregate clusters whose members come and go over xDS: the same of Envoy and of Lateen."""

from __future__ import annotations

from tests.support.xds_resources import CDS, EDS, RDS, assignment, cluster, routes

TYPE = "envoy.extensions.clusters.aggregate.v3.ClusterConfig"


def aggregate(name, *members):
    typed = {"@type": f"type.googleapis.com/{TYPE}", "clusters": members}
    return cluster(
        name,
        type=None,
        eds_cluster_config=None,
        lb_policy="CLUSTER_PROVIDED",
        cluster_type={"name": "envoy.clusters.aggregate", "typed_config": typed},
    )


def down(name, port):
    made = assignment(name, port)
    made.endpoints[0].lb_endpoints[0].health_status = 2
    return made


def test_members_come_and_go(setting):
    setting.start(clusters=[aggregate("all", "b", "c")])
    setting.put(RDS, routes("r", "all"))
    setting.until(503)
    setting.put(EDS, assignment("c", setting.two))
    setting.put(CDS, cluster("c"))
    setting.until("two")
    setting.put(EDS, assignment("b", setting.one))
    setting.put(CDS, cluster("b"))
    setting.until("one")
    setting.server.remove(CDS, ["b"])
    setting.until("two")
    setting.server.remove(CDS, ["c"])
    setting.until(503)
    made = {each["cluster"]["name"] for each in setting.dump("dynamic_active_clusters")}
    assert made == {"a", "all"}
    assert setting.proxy.stats()["cluster_manager.cluster_removed"] == 2


def test_the_health_of_members_decides(setting):
    clusters = [cluster("b"), cluster("c"), aggregate("all", "b", "c")]
    setting.start(
        clusters=clusters,
        endpoints=[assignment("b", setting.one), assignment("c", setting.two)],
    )
    setting.put(RDS, routes("r", "all"))
    setting.until("one")
    setting.put(EDS, down("b", setting.one))
    setting.until("two")
    assert setting.proxy.stats()["cluster.b.membership_healthy"] == 0
    setting.put(EDS, assignment("b", setting.one))
    setting.until("one")
    assert setting.proxy.stats()["cluster.b.membership_healthy"] == 1


def test_the_members_change(setting):
    clusters = [cluster("b"), cluster("c")]
    setting.start(
        clusters=[*clusters, aggregate("all", "b", "c")],
        endpoints=[assignment("b", setting.one), assignment("c", setting.two)],
    )
    setting.put(RDS, routes("r", "all"))
    setting.until("one")
    setting.put(CDS, aggregate("all", "c", "b"))
    setting.until("two")
    made = [each["cluster"] for each in setting.dump("dynamic_active_clusters")]
    found = next(each for each in made if each["name"] == "all")
    assert found["cluster_type"]["typed_config"]["clusters"] == ["c", "b"]
