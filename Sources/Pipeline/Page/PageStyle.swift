/// The look of a page: light, dark where the reader prefers it, and black on white on paper.
enum PageStyle {
    private static let light =
        "--paper:#fff;--panel:#f5f6f8;--ink:#1b1f24;--muted:#5b6470;--line:#d5d9df;--accent:#0b66c3;--faint:#9db9d8;"
        + "--alert:#b3261e"
    private static let dark =
        "--paper:#14171b;--panel:#1e2329;--ink:#e7eaee;--muted:#a3acb7;--line:#3a424c;--accent:#6cb2ff;--faint:#41607f;"
        + "--alert:#ff8a80"

    static let sheet = """
        :root{color-scheme:light dark;\(light)}
        @media (prefers-color-scheme:dark){:root{\(dark)}}
        *{box-sizing:border-box}
        body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
        main{max-width:64rem;margin:0 auto;padding:1.5rem 1rem 4rem}
        h1{font-size:1.7rem;line-height:1.2;margin:.5rem 0;overflow-wrap:anywhere}
        h2{font-size:1.2rem;margin:2.2rem 0 .6rem;padding-top:.6rem;border-top:1px solid var(--line)}
        p,li{max-width:46rem;overflow-wrap:anywhere}
        .lead{font-size:1.15rem}
        .tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(9.5rem,1fr));gap:.7rem;margin:1.2rem 0}
        .tiles div{background:var(--panel);border-radius:.5rem;padding:.7rem .9rem}
        dt{color:var(--muted);font-size:.85rem}
        dd{margin:0}
        dd.big{font-size:1.45rem;font-weight:600;line-height:1.3}
        dd.small{color:var(--muted);font-size:.85rem}
        .scroll{overflow-x:auto;margin:.8rem 0}
        table{border-collapse:collapse;font-size:.88rem;font-variant-numeric:tabular-nums}
        td,th{padding:.35rem .7rem;text-align:left;vertical-align:top;border-bottom:1px solid var(--line)}
        th{color:var(--muted);font-weight:600;white-space:nowrap}
        td{min-width:3rem;max-width:26rem;overflow-wrap:break-word}
        td.n,th.n{text-align:right;white-space:nowrap}
        td.t{min-width:15rem}
        tr.mark td{background:var(--panel);font-weight:600}
        .charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr));gap:1.5rem}
        figure{margin:.8rem 0;max-width:40rem}
        figcaption{color:var(--muted);font-size:.88rem}
        figcaption b{color:var(--ink)}
        svg{display:block;width:100%;height:auto;font:14px system-ui,sans-serif}
        svg text{fill:var(--muted)}
        svg .title{fill:var(--ink)}
        svg .axis{stroke:var(--muted)}
        svg .grid{stroke:var(--line)}
        svg .limit{stroke:var(--alert);stroke-dasharray:6 4;fill:none}
        svg .curve{stroke:var(--accent);stroke-width:2;fill:none}
        svg .faint{stroke:var(--faint);stroke-width:1.5;fill:none}
        svg .interval{stroke:var(--accent);stroke-width:1.5}
        svg .point{fill:var(--paper);stroke:var(--accent);stroke-width:2}
        svg .chosen{fill:var(--accent);stroke:var(--paper);stroke-width:2}
        svg .before{fill:var(--faint)}
        svg .after{fill:var(--accent)}
        pre{background:var(--panel);border-radius:.5rem;padding:.8rem 1rem;overflow-x:auto;font-size:.85rem}
        .warning{border-left:4px solid var(--alert);padding-left:.8rem}
        @media print{:root{color-scheme:light;\(light)}
        body{font-size:10pt}main{max-width:none;padding:0}.scroll,pre{overflow:visible}pre{white-space:pre-wrap}
        h2{break-after:avoid}figure,tr,pre{break-inside:avoid}.charts{grid-template-columns:1fr 1fr}table{font-size:7.5pt}
        td,th{padding:.15rem .3rem}td.t{min-width:0}td{overflow-wrap:anywhere}*{print-color-adjust:exact}}

        """
}
