"""Words that a free text may begin a sentence with, and names of tools that a model likes to blame."""

from __future__ import annotations

_TOOLS = """
adobe airbyte airflow amazon amplitude appsflyer aws azure bigquery braze chatgpt dagster databricks datadog
debezium docker elasticsearch facebook fivetran gcp github gitlab google hadoop hightouch hubspot informatica
iterable jenkins jira kafka kinesis klaviyo kubernetes looker mailchimp marketo matillion microsoft mixpanel mongodb
mparticle mysql onetrust openai oracle pagerduty postgres prefect redis redshift rudderstack salesforce sap sendgrid
shopify slack snowflake snowplow stripe tableau talend terraform tiktok twilio zendesk
"""
_ORDINARY = """
a about above according action add additionally after again against age aged ageing all almost along already also
although among an and another any apart apr april are around as aside ask at attribute audience aug august average
backfill backfills be because been before below beside between beyond both bring bucket but by came campaign
campaigns can cause causes change changed changes check clearly closer column columns compare compared complete
condition conditions confidence confirm confirmed consent consequently consider conversion conversions count country
counts currently customer customers daily data date dates day days dbt dec december definition definitions delivery
deployed describe despite detector device distribution drop dropped due duplicate duplicates during each early
edited either email empty english entity even event events every evidence exactly except expected explain fault feb
february few fewer field filled finally find first flow flows follow following for friday from further furthermore
given growth hacked had half has have health held hence here high hold how however hypothesis i id ids if in
inactive inactivity incomplete inconclusive indeed instead is it its itself jan january jul july jun june just keep
keys known largely last later leavers less level lies like likely load loads look looking losing loss lost low lower
ltv mail mainly many mar march match matches may mean means meanwhile measured medium members metric missing mix
model models monday monthly more moreover most mostly moved movement much name names near nearly neither
nevertheless new newcomers next no nobody none nor normal not nothing nov november now null nulls number numbers oct
october of on once one only open or order orders ordinary other others our out over overall overnight owner owners
part partial people perhaps plan possibly previous price prices probably pulse push quite rate rates rather raw re-
run reach real rebuild recoded relation release releases renamed repair repeat report rerun rest restore result
retyped revert review rise roll roughly row rows rule rules run same saturday seasonal see seen segment segments
send sep september several share shares sharply should siblings similar similarly since single sit sits size sizes
slightly slow slowly small so some something source sources spread sql stale status steady still such sudden
suddenly summary sunday table tables take than that the their them then there therefore these they this those though
through thursday thus tighten time to today together tracking tuesday typical under unique unknown unless unlike
until unusual up upgraded upstream usual utc value values verdict very visits was we wednesday week weekday weekly
weeks were what when where whether which while who whole whose why win with within without yes yet you your
"""
TOOLS = frozenset(_TOOLS.split())  # one that is in the evidence may be named
ORDINARY = frozenset(_ORDINARY.split())  # any other word with a capital is a name
