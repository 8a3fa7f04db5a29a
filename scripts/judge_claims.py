"""Set every published figure beside ours, with a verdict: table, page and badge."""

from memorability.workflow.job import RunningJob

with RunningJob(snakemake) as job:
    from memorability.claims.answers import as_correlations, our_figures
    from memorability.claims.ledger import badge, ledger
    from memorability.claims.published import load_published
    from memorability.report.pages import write_page
    from memorability.report.reading import claims_details, claims_for_reading, not_testable

    settings = job.settings
    ours = our_figures(
        [*job.read_each("correlations"), *map(as_correlations, job.read_each("decay"))],
        job.read("images"),
        metrics=job.read_if_any("metrics", "prediction_metrics"),
        predictions=job.read_if_any("predictions"),
        ceiling=job.read_if_any("ceiling"),
        **settings["ours"],
    )
    claims = ledger(ours, claims=load_published(), **settings["ledger"])
    job.write("claims", claims)
    job.write_text("badge", f"{badge(claims)}\n")
    tested, other, nothing = not_testable(claims)
    write_page(
        claims_for_reading(tested),
        job.output.page,
        title="Every published number beside ours",
        lead=badge(claims),
        note=job.params.note,
        empty="None can be tested here. The reasons stand below.",
        more={"How the two numbers were compared": claims_details(tested)},
        folded={
            f"Not testable: other data or another model ({len(other)})": claims_for_reading(other),
            f"Not testable: nothing computed ({len(nothing)})": claims_for_reading(nothing),
        },
    )
