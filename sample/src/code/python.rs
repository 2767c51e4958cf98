//! Python-like source lines.

use super::Patterns;

pub(crate) const PATTERNS: Patterns = Patterns {
    head: &[
        "from __future__ import annotations\n",
        "import %n\n",
        "from .%n import %N, %f\n",
        "from dataclasses import dataclass, field\n",
        "from app.%n.%n import %N\n",
        "import logging\n",
        "from typing import Any, Iterable\n",
        "%x_%y = %D\n",
    ],
    openings: &[
        "\n\ndef %f(%x: %X, %y: int = %d) -> %N:\n    \"\"\"%s.\"\"\"\n",
        "\n    def %f(self, %x, *, %y=None):\n",
        "\n    async def %f(self, %x: str) -> list[%X]:\n        \"\"\"%s.\"\"\"\n",
        "\n\ndef test_%f(%x, %y):\n",
        "\n    @property\n    def %n_%n(self) -> int:\n",
        "\n\n@pytest.mark.parametrize(\"%x\", [%d, %d, %D])\ndef test_%v_%n(%x):\n",
        "\n    @classmethod\n    def from_%n(cls, %x: dict[str, Any]) -> \"%X\":\n",
    ],
    statements: &[
        "        %y = self.%f(%x, %n=%d)\n",
        "        if %x is None:\n            raise %NError(\"%s\")\n",
        "        for %n in %x.%n:\n            %y.append(%n.%v())\n",
        "        # %s\n",
        "        logger.info(\"%s: %s\", %x, %y)\n",
        "        self._%n = %x.%v()\n",
        "        %y = [%n.%v() for %n in %x if %n.%n]\n",
        "        with self.%n.%v() as %n:\n            %n.%f(%x)\n",
        "        assert %x.%n == %d\n",
        "        %x[\"%n\"] = %y.get(\"%n\", %D)\n",
        "        try:\n            %y = await %x.%f()\n        except %NError as exc:\n            return None\n",
        "        %y += len(%x)\n",
        "        %y = session.query(%X).filter(%X.%n == %x).limit(%D).all()\n",
        "        yield %x, %y\n",
        "        %n = f\"{%x}:{%y}:%h\"\n",
        "        df[\"%x_%y\"] = df[\"%n\"].fillna(%d).astype(float)\n",
        "        time.sleep(0.%d)\n",
    ],
    endings: &[
        "        return %y\n",
        "        return %N(%x=%x, %y=%y)\n",
        "        return None\n",
        "        return {\"%n\": %x, \"%n\": %y}\n",
        "        return self._%n.%v(%x)\n",
    ],
    wholes: &[
        "\n\n@dataclass\nclass %X:\n    \"\"\"%s.\"\"\"\n\n    %x: int\n    %y: str = \"%n\"\n    %n: list[%N] = field(default_factory=list)\n",
        "\n\nclass %X(%N):\n    \"\"\"%s.\"\"\"\n\n    %x = %D\n    %y = \"%h\"\n",
        "\n\n%x_%y = {\n    \"%n\": %d,\n    \"%n\": %D,\n    \"%n\": \"%s\",\n}\n",
        "\n\n@app.get(\"/%n/{%x}/%n\")\nasync def %f(%x: int):\n    return await %n.%v(%x)\n",
    ],
};
