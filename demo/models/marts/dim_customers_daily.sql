{#- The customers as they were at the end of each day. Two faults are planted here, at the dates of demo_faults: the cloud billing export
    loses its lifetime value, and the partner import recodes a country. Stored by date, so that reading one date reads one place. -#}
{{ config(materialized='table') }}

with

customers as (

    select * from {{ ref('stg_demo__customers') }}

),

days as (

    select * from {{ ref('stg_demo__days') }}

),

daily_orders as (

    select
        customer_id,
        ordered_on,
        sum(amount) as amount
    from {{ ref('fct_demo__orders') }}
    group by customer_id, ordered_on

),

orders_before as (

    select
        customer_id,
        max(ordered_on) as last_ordered_on,
        sum(amount) as amount
    from daily_orders
    where ordered_on < (select min(snapshot_date) from days)
    group by customer_id

),

faults as (

    select
        days.snapshot_date,
        max(case when faults.fault = 'ltv_renamed' then 1 else 0 end) as ltv_renamed,
        max(case when faults.fault = 'country_recoded' then 1 else 0 end) as country_recoded
    from days
    left join {{ ref('demo_faults') }} as faults
        on days.snapshot_date between cast(faults.starts_on as date) and cast(faults.ends_on as date)
    group by days.snapshot_date

),

grid as (

    select
        customers.*,
        days.snapshot_date,
        days.day_number,
        daily_orders.ordered_on,
        coalesce(daily_orders.amount, 0) as amount,
        coalesce(orders_before.amount, 0) as amount_before,
        orders_before.last_ordered_on as last_ordered_before
    from customers
    inner join days on days.snapshot_date >= customers.signed_up_on
    left join daily_orders
        on daily_orders.customer_id = customers.customer_id
        and daily_orders.ordered_on = days.snapshot_date
    left join orders_before on orders_before.customer_id = customers.customer_id

),

running as (

    select
        *,
        {{ dbt.position("'x'", 'reverse(left(visits, day_number))') }} as days_back,
        prior_spend + amount_before + sum(amount) over (
            partition by customer_id order by snapshot_date rows between unbounded preceding and current row
        ) as lifetime_value,
        coalesce(
            max(ordered_on) over (
                partition by customer_id order by snapshot_date rows between unbounded preceding and current row
            ),
            last_ordered_before
        ) as last_order_at
    from grid

),

customers_daily as (

    select
        running.customer_id,
        running.snapshot_date,
        running.signed_up_on,
        case
            when faults.country_recoded = 1 and running.channel = 'partner' and running.country = 'GB' then 'UK'
            else running.country
        end as country,
        running.plan,
        running.device,
        running.channel,
        case when faults.ltv_renamed = 1 and running.billing = 'cloud' then null else round(cast(running.lifetime_value as numeric), 2) end as ltv,
        running.last_order_at,
        case
            when running.days_back > 0 then cast({{ dbt.dateadd('day', '1 - running.days_back', 'running.snapshot_date') }} as date)
        end as last_active_at,
        running.email_opt_in,
        running.has_push,
        running.sms_opt_in
    from running
    inner join faults on faults.snapshot_date = running.snapshot_date

)

select * from customers_daily
order by snapshot_date, customer_id
