"""Print how long column lineage takes on a manifest of 500 models, some or all above one column. No warehouse is asked.

python -m benchmarks.lineage_speed [--models 500]
"""

from __future__ import annotations

import argparse
import random
import time
from typing import Any

from pulse_runner.explain.lineage.trace import Lineage, parsed

CTE = """
{name} as (
    select t.*, coalesce(t.amount_{n}, 0) + t.fee_{n} as amount_{n}_net,
        case when t.status in ('paid', 'sent', 'done') and t.kind = 'web' then t.amount_{n} else 0 end as paid_{n},
        cast(t.happened_at as date) as day_{n}, lower(trim(t.label_{n})) as label_{n}_clean,
        row_number() over (partition by t.id order by t.happened_at desc) as nth_{n}
    from {relation} as t
    where t.happened_at >= date '2020-01-01' and t.status <> 'test'
)"""


def main() -> None:
    """Make the manifests, trace the last model's column, and print the seconds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=int, default=500)
    options = parser.parse_args()
    for reach in (20, options.models):
        manifest = synthetic(options.models, reach)
        lines = sum(str(n["compiled_code"]).count("\n") for n in manifest["nodes"].values())
        parsed.cache_clear()
        begin, cpu = time.perf_counter(), time.process_time()
        trace = Lineage(manifest, "postgres").trace(f"model.shop.m{options.models - 1}", "total")
        seconds, cpu = time.perf_counter() - begin, time.process_time() - cpu
        print(
            f"{options.models} models of {lines // options.models} lines, {len(trace.nodes())} of them and {len(trace.steps)}"
            f" columns above the column: {seconds:.2f} s ({cpu:.2f} s of CPU), whole: {trace.is_whole}"
        )


def synthetic(models: int, reach: int) -> dict[str, Any]:
    """Return a manifest in which a model reads three before it: with a `reach` of all models, each is above the last.

    With a smaller one they lie in layers: a model reads two or three of the layer before it, as many layers as ten.
    """
    drawn = random.Random(1)
    nodes, sources = {}, {}
    for n in range(10):
        sources[f"source.shop.raw.s{n}"] = {
            "name": f"s{n}", "source_name": "raw", "resource_type": "source", "relation_name": f'"db"."raw"."s{n}"', "columns": {},
        }  # fmt: skip
    for n in range(models):
        above = [f"source.shop.raw.s{n}"] if n < 10 else [f"model.shop.m{m}" for m in _above(n, models, reach, drawn)]
        relations = [(sources.get(a) or nodes[a])["relation_name"] for a in above]
        ctes = ",".join(CTE.format(name=f"c{i}", n=i, relation=r) for i, r in enumerate(relations))
        total = " + ".join(f"c{i}.amount_{i}_net" if n < 10 else f"c{i}.total" for i in range(len(relations)))
        joins = "".join(f"\nleft join c{i} on c{i}.id = c0.id and c{i}.nth_{i} = 1" for i in range(1, len(relations)))
        sql = f"with {ctes}\nselect c0.id, c0.status, c0.kind, c0.happened_at, {total} as total,\n  c0.day_0 as day\nfrom c0{joins}"
        nodes[f"model.shop.m{n}"] = {
            "name": f"m{n}", "resource_type": "model", "package_name": "shop", "relation_name": f'"db"."marts"."m{n}"',
            "compiled_code": sql, "raw_code": "", "depends_on": {"nodes": above}, "columns": {}, "config": {},
            "original_file_path": f"models/m{n}.sql",
        }  # fmt: skip
    return {"metadata": {"adapter_type": "postgres", "project_name": "shop"}, "sources": sources, "nodes": nodes}


def _above(n: int, models: int, reach: int, drawn: random.Random) -> list[int]:
    if reach >= models:
        return sorted({n - 1, *drawn.sample(range(max(n - 20, 0), n), 2)})
    layer = models // 10
    first = max(n // layer - 1, 0) * layer
    return sorted(drawn.sample(range(first, max(min(first + layer, n), first + 3)), 2))


if __name__ == "__main__":
    main()
