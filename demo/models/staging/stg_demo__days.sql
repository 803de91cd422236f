{#- The days of the demo shop, from the first snapshot to the last; day_number counts the visits' characters. -#}
with

days as (

    {{ dbt.date_spine('day', "cast('" ~ var('demo_first_day') ~ "' as date)", dbt.dateadd('day', 1, "cast('" ~ var('demo_last_day') ~ "' as date)")) }}

),

numbered as (

    select
        cast(date_day as date) as snapshot_date,
        {{ dbt.datediff("cast('2026-01-30' as date)", 'cast(date_day as date)', 'day') }} + 1 as day_number
    from days

)

select * from numbered
