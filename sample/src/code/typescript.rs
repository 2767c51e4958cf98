//! TypeScript-like source lines.

use super::Patterns;

pub(crate) const PATTERNS: Patterns = Patterns {
    head: &[
        "import { %N, %N } from \"./%n\";\n",
        "import type { %N } from \"../%n/%n\";\n",
        "import * as %n from \"@/%n\";\n",
        "export * from \"./%n\";\n",
        "import { useState, useEffect } from \"react\";\n",
        "const %x = require(\"%n-%n\");\n",
    ],
    openings: &[
        "\nexport async function %f(%x: %X, %y = %d): Promise<%N> {\n",
        "\nexport const %x%N = (%x: %X) => {\n",
        "\n  private %v%N(%x: string): void {\n",
        "\n/** %s. */\nexport function %v%X({ %x, %y }: %XProps) {\n",
        "\ndescribe(\"%s\", () => {\n",
        "\n  it(\"%vs the %n\", async () => {\n",
        "\nrouter.post(\"/api/%n/:%x\", async (req, res) => {\n",
    ],
    statements: &[
        "    const %y = await %x.%v%N(%d);\n",
        "    if (!%x.%n) {\n      throw new %NError(\"%s\");\n    }\n",
        "    const [%n, set%N] = useState<%X | null>(null);\n",
        "    // %s\n",
        "    expect(%x.%n).toBe(%d);\n",
        "    return %x.map((%n) => ({ ...%n, %y: %n.%v() }));\n",
        "    this.%n.%v(%x, { %n: %D });\n",
        "    for (const %n of %x.%n) {\n      %y.push(%n.%v());\n    }\n",
        "    const { %n, %n: %y } = %x.%v();\n",
        "    logger.warn(`%s ${%x.%n}`, %y);\n",
        "    <div className=\"%n-%n %n__%n\" onClick={() => %v%N(%x)}>\n      {%y?.%n ?? \"%s\"}\n    </div>\n",
        "    %x.%n = %y ?? %D;\n",
        "    useEffect(() => {\n      %v%N(%x);\n    }, [%x, %y]);\n",
        "    const %y = new Map<string, %X>();\n",
        "    await prisma.%n.update({ where: { id: %x }, data: { %n: %D } });\n",
        "    style={{ color: \"#%h\", padding: %d }}\n",
    ],
    endings: &[
        "    return %y;\n  }\n",
        "  };\n}\n",
        "  }\n",
        "});\n",
        "    return <%X %x={%x} />;\n}\n",
        "    return null;\n}\n",
    ],
    wholes: &[
        "\nexport interface %X {\n  /** %s. */\n  %x: string;\n  %y?: number;\n  %n: %N[];\n}\n",
        "\nexport type %X = \"%n\" | \"%n\" | \"%n\";\n",
        "\nexport enum %X {\n  %N = \"%n\",\n  %N = \"%n\",\n}\n",
        "\nexport const %x_%y = Object.freeze({\n  %n: %d,\n  %n: \"%h\",\n  %n: \"%s\",\n});\n",
    ],
};
